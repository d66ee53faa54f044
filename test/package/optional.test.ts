import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InstalledPackage } from './installed.js'

let installed: InstalledPackage
beforeAll(() => {
  installed = new InstalledPackage()
})
afterAll(() => installed.remove())

test('oauth2 without oauth4webapi says what to install, and does not try for ever', () => {
  const program = installed.write(
    'oauth2.mjs',
    `import { openSocket } from 'tapewire/socket'
     import { oauth2 } from 'tapewire/socket/auth'
     const prepare = oauth2({ tokenUrl: 'http://127.0.0.1:1/', clientId: 'x', clientSecret: 'y' })
     const socket = openSocket('ws://127.0.0.1:1/', { prepare })
     const { code, cause } = await socket.ready().catch((error) => error)
     console.log(JSON.stringify([code, cause.code, cause.message]))`,
  )
  const said = execFileSync(process.execPath, [program], { cwd: installed.project, encoding: 'utf8' })
  expect(JSON.parse(said)).toEqual([
    'gave_up',
    'oauth_missing',
    expect.stringContaining('npm install oauth4webapi'),
  ])
})
