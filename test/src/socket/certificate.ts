import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export interface Certificate {
  readonly key: string
  readonly cert: string
}

/**
 * A fresh self-signed certificate (X.509 v3, P-256) for names and IPv4 addresses: its own authority. Node can sign but not
 * write a certificate, so the DER of RFC 5280 is put together here; no key lies in the repository.
 */
export function certificateFor(names: readonly string[], addresses: readonly string[]): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const body = toBeSigned(publicKey, names, addresses)
  const signature = sign('sha256', body, privateKey)
  const der = sequence(body, ECDSA_WITH_SHA256, tagged(0x03, Buffer.from([0]), signature))
  const base64 = der.toString('base64').match(/.{1,64}/g)
  return {
    key: privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64?.join('\n')}\n-----END CERTIFICATE-----\n`,
  }
}

function toBeSigned(publicKey: KeyObject, names: readonly string[], addresses: readonly string[]): Buffer {
  const name = sequence(
    tagged(0x31, sequence(identifier('550403'), tagged(0x0c, Buffer.from('test authority')))),
  )
  const year = new Date().getUTCFullYear() % 100
  const validity = sequence(time(year - 1), time(year + 1))
  const alternatives = sequence(
    ...names.map((text) => tagged(0x82, Buffer.from(text))),
    ...addresses.map((text) => tagged(0x87, Buffer.from(text.split('.').map(Number)))),
  )
  const yes = tagged(0x01, Buffer.from([0xff]))
  const extensions = sequence(
    sequence(identifier('551d13'), yes, tagged(0x04, sequence(yes))),
    sequence(identifier('551d11'), tagged(0x04, alternatives)),
  )
  return sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.from([1])),
    ECDSA_WITH_SHA256,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, extensions),
  )
}

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

function identifier(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, 'hex'))
}

function time(year: number): Buffer {
  return tagged(0x17, Buffer.from(`${String(year).padStart(2, '0')}0101000000Z`))
}

const ECDSA_WITH_SHA256 = sequence(identifier('2a8648ce3d040302'))
