import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A broker of MQTT that runs as a process of its own. */
export interface Broker extends AsyncDisposable {
  /** The port for bare connections. */
  readonly tcp: number
  /** The port for WebSockets. */
  readonly ws: number
  /** Kills it without a word, and starts it again on what it had stored. */
  restart(): Promise<void>
}

/** A mosquitto, which stores nothing. */
export async function mosquitto(): Promise<Broker> {
  const [tcp, ws] = [await freePort(), await freePort()]
  const listeners = `listener ${tcp} 127.0.0.1\nlistener ${ws} 127.0.0.1\nprotocol websockets\n`
  const config = `${listeners}allow_anonymous true\npersistence false\nretain_available true\n`
  return started('/usr/sbin/mosquitto', () => config, tcp, ws)
}

/** A nats-server with JetStream, which stores retained messages and sessions in files. */
export async function natsServer(): Promise<Broker> {
  const [tcp, ws, own] = [await freePort(), await freePort(), await freePort()]
  const config = (folder: string) => `
    server_name: test
    listen: "127.0.0.1:${own}"
    jetstream { store_dir: "${folder}", max_file: 1G }
    mqtt { listen: "127.0.0.1:${tcp}" }
    websocket { listen: "127.0.0.1:${ws}", no_tls: true }`
  return started('/usr/sbin/nats-server', config, tcp, ws)
}

async function started(
  command: string,
  config: (folder: string) => string,
  tcp: number,
  ws: number,
): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), 'tapewire-broker-'))
  const file = join(folder, 'broker.conf')
  writeFileSync(file, config(folder))
  const start = async () => {
    const child = spawn(command, ['-c', file], { stdio: 'ignore' })
    for (const port of [tcp, ws]) await listens(port)
    return child
  }
  const end = async (child: ChildProcess) => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  let child = await start()
  return {
    tcp,
    ws,
    restart: async () => {
      await end(child)
      child = await start()
    },
    [Symbol.asyncDispose]: async () => {
      await end(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A port on which nothing listens now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves once something listens on a port. */
async function listens(port: number): Promise<void> {
  for (let open = false; !open; ) {
    const probe = connect(port, '127.0.0.1')
    open = await once(probe, 'connect').then(
      () => true,
      () => false,
    )
    probe.destroy()
    if (!open) await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
