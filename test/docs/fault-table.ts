import { readFileSync } from 'node:fs'

const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8')

/**
 * What the table beneath a heading of docs/reliability.md says of each fault at each venue (`drop bitmex`): a list of words for
 * each row that names both.
 */
export function faultTable(heading: string): ReadonlyMap<string, readonly (readonly string[])[]> {
  const [, after = ''] = page.split(`### ${heading}\n`)
  const [table = ''] = after.split(/\n#/)
  const said = new Map<string, readonly (readonly string[])[]>()
  let fault = ''
  for (const [, name = '', words = '', venues = ''] of table.matchAll(
    /^\| (?:`([\w-]+)`)? ?\| (.*?) \| (.*) \|$/gm,
  )) {
    if (name !== '') fault = name
    for (const venue of venues.split(', ')) {
      const row = [...words.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)
      said.set(`${fault} ${venue}`, [...(said.get(`${fault} ${venue}`) ?? []), row])
    }
  }
  return said
}
