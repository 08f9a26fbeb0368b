import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes the `registries.conf` with which podman, buildah and skopeo take `acme.eth/web` as the name of an image. */
export function writeRegistriesConf(home: string, port: number): void {
  const folder = join(home, '.config/containers')
  const lines = [
    '[[registry]]',
    'prefix = "acme.eth"',
    `location = "127.0.0.1:${port}/acme.eth"`,
    'insecure = true',
    '',
  ]
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'registries.conf'), lines.join('\n'))
}
