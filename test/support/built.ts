import { readdirSync, statSync } from 'node:fs'

const SOURCES = ['src', 'schemas', 'connectors', 'simulators', 'recorder', 'cli']

/** The tests of the command run `dist`. Where it is older than the sources they judge a command that is not there any more. */
export function setup(): void {
  const built = statSync('dist/cli/main.js', { throwIfNoEntry: false })?.mtimeMs
  const newer = SOURCES.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  ).find((path) => path.endsWith('.ts') && statSync(path).mtimeMs > (built ?? 0))
  if (newer !== undefined)
    console.warn(
      built === undefined
        ? 'dist is missing: run npm run build, else the tests of the command fail'
        : `dist is older than ${newer}: run npm run build, else the tests of the command judge an old one`,
    )
}
