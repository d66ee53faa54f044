import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The recorder as its users have it: compiled, in a project of its own, with only the named packages installed. For what can
 * only be shown in a process of its own. Gone when the test is over.
 */
export function compiledRecorder(packages: readonly string[]): { readonly directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'tapewire-compiled-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        outDir: join(directory, 'dist'),
        rootDir: root,
        typeRoots: [join(root, 'node_modules/@types')],
        declaration: false,
        sourceMap: false,
      },
      files: [join(root, 'recorder/index.ts')],
      include: [],
    }),
  )
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', directory], { encoding: 'utf8' })
  if (!existsSync(join(directory, 'dist/recorder/index.js'))) {
    throw new Error(`the recorder does not compile: ${stdout}${stderr}`)
  }
  cpSync(join(root, 'package.json'), join(directory, 'package.json'))
  for (const name of packages) {
    const link = join(directory, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link, 'dir')
  }
  return { directory }
}

/** Where the packages of this checkout are. */
export function installed(name: string): string {
  return join(root, 'node_modules', name)
}
