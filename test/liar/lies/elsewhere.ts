import type { Answer } from '../lie.ts'

/** Ways to name a private address, ours among them, and places that are none of a gateway's. */
export const redirectsTo: readonly (readonly [place: string, target: (port: number, path: string) => string])[] = [
  ['another port', (port, path) => `http://127.0.0.1:${port}${path}`],
  ['localhost', (port, path) => `http://localhost:${port}${path}`],
  ['an address in decimal', (port, path) => `http://2130706433:${port}${path}`],
  ['an IPv4-mapped address', (port, path) => `http://[::ffff:127.0.0.1]:${port}${path}`],
  ['the unspecified address', (port, path) => `http://0.0.0.0:${port}${path}`],
  ['an address without a scheme', (port, path) => `//127.0.0.1:${port}${path}`],
  ['a name with credentials', (port, path) => `http://user:secret@127.0.0.1:${port}${path}`],
  ["the cloud's metadata", () => 'http://169.254.169.254/latest/meta-data/'],
  ['a file', () => 'file:///etc/passwd'],
  ['a data URL', () => 'data:application/json,%7B%22data%22%3A%220x%22%7D'],
]

/** 307, which keeps the method. */
export function redirect(location: string) {
  return (_: Answer): Answer => ({ status: 307, headers: { location, 'content-length': '0' }, body: new Uint8Array() })
}

/** 401 whose challenge names a realm on another host (CVE-2026-33540's kind): nobody may go there, let alone with credentials. */
export function hijack(port: number) {
  return (_: Answer): Answer => {
    const challenge = `Bearer realm="http://127.0.0.1:${port}/token",service="mooring",scope="repository:acme.eth:pull"`
    const body = Buffer.from('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}')
    const headers = {
      'www-authenticate': challenge,
      'content-type': 'application/json',
      'content-length': `${body.length}`,
    }
    return { status: 401, headers, body }
  }
}
