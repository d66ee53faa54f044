import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'

const root = fileURLToPath(new URL('../../', import.meta.url))

const manifest = z
  .object({
    exports: z.record(z.string(), z.union([z.string(), z.object({ types: z.string() })])),
    dependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))

/** Subpath of each entry that has types, with its declaration file in the package: `./schemas`, `dist/schemas/index.d.ts`. */
export const entries: ReadonlyMap<string, string> = new Map(
  Object.entries(manifest.exports).flatMap(([subpath, target]) =>
    typeof target === 'string' || subpath.includes('*') ? [] : [[subpath, target.types] as const],
  ),
)

/** A project in which the packed tarball is installed, with its dependencies and nothing that only we install. */
export class InstalledPackage {
  readonly project = mkdtempSync(join(tmpdir(), 'tapewire-package-'))
  readonly package = join(this.project, 'node_modules/tapewire')

  constructor() {
    const packed = join(this.project, 'packed')
    mkdirSync(packed)
    // The tests are run on what `npm test` has built; the tarball's own build is run by .ci/run.
    execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', packed], { cwd: root })
    const [tarball = ''] = readdirSync(packed)
    mkdirSync(this.package, { recursive: true })
    execFileSync('tar', ['xzf', join(packed, tarball), '-C', this.package, '--strip-components=1'])
    for (const name of Object.keys(manifest.dependencies)) {
      const link = join(this.project, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(root, 'node_modules', name), link)
    }
    this.write('package.json', JSON.stringify({ type: 'module' }))
  }

  write(name: string, text: string): string {
    const path = join(this.project, name)
    writeFileSync(path, text)
    return path
  }

  /** Every file of the package, by its path in it. */
  get files(): string[] {
    return readdirSync(this.package, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.package.length + 1))
  }

  read(name: string): string {
    return readFileSync(join(this.package, name), 'utf8')
  }

  remove(): void {
    rmSync(this.project, { recursive: true, force: true })
  }
}
