import { readFileSync } from 'node:fs'

const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8')

/** What the table beneath a heading of docs/reliability.md says of each fault at each venue: `drop bitmex`. */
export function faultTable(heading: string): ReadonlyMap<string, readonly string[]> {
  const [, after = ''] = page.split(`### ${heading}\n`)
  const [table = ''] = after.split(/\n#/)
  const said = new Map<string, readonly string[]>()
  let fault = ''
  for (const [, name = '', words = '', venues = ''] of table.matchAll(
    /^\| (?:`([\w-]+)`)? ?\| (.*?) \| (.*) \|$/gm,
  )) {
    if (name !== '') fault = name
    for (const venue of venues.split(', ')) {
      said.set(
        `${fault} ${venue}`,
        [...words.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
      )
    }
  }
  return said
}
