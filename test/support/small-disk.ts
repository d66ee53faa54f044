import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Whether this process may mount file systems. Tests that need a real full or read-only disk skip where it may not. */
export const mayMount = (() => {
  const folder = mkdtempSync(join(tmpdir(), 'tapewire-mount-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', folder]).status === 0
  if (mounted) spawnSync('umount', [folder])
  rmSync(folder, { recursive: true, force: true })
  return mounted
})()

/** A real file system in memory of that size, gone when the test is over. */
export function smallDisk(kibibytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapewire-disk-'))
  run('mount', '-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'none', folder)
  onTestFinished(() => unmount(folder))
  return folder
}

/** The folder once more, where nothing can be written: a read-only bind mount. Gone when the test is over. */
export function readOnlyView(folder: string): string {
  const view = mkdtempSync(join(tmpdir(), 'tapewire-read-only-'))
  run('mount', '--bind', folder, view)
  onTestFinished(() => unmount(view))
  run('mount', '-o', 'remount,ro,bind', view)
  return view
}

/** The folder once more under another path. Gone when the test is over. */
export function otherView(folder: string): string {
  const view = mkdtempSync(join(tmpdir(), 'tapewire-view-'))
  run('mount', '--bind', folder, view)
  onTestFinished(() => unmount(view))
  return view
}

/** The file alone once more under another path. Gone when the test is over. */
export function otherViewOfFile(file: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapewire-view-'))
  const view = join(folder, basename(file))
  writeFileSync(view, '')
  run('mount', '--bind', file, view)
  onTestFinished(() => {
    run('umount', '-l', view)
    rmSync(folder, { recursive: true, force: true })
  })
  return view
}

function unmount(folder: string): void {
  // Lazily: a file that a failed test left open must not keep the mount.
  run('umount', '-l', folder)
  rmSync(folder, { recursive: true, force: true })
}

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`)
}
