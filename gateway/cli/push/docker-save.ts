import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError } from '../../config.ts'

const run = promisify(execFile)

/** `repository:tag`, with a registry's host or a digest: nothing that docker would take for a flag. */
const imagePattern = /^[a-z0-9][a-zA-Z0-9._:/@-]*$/

/** Lets docker save an image into `folder`; the archive's path. @throws ConfigError when docker is not there, or does not have it */
export async function saveImage(
  image: string,
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const wanted = 'an OCI image layout, a tar archive of one or of docker save, or the name of an image that docker has'
  if (!imagePattern.test(image)) throw new ConfigError('IMAGE', image, wanted)
  const archive = join(folder, 'saved.tar')
  try {
    await run('docker', ['image', 'save', '--output', archive, image], { env: { ...environment } })
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.split('\n', 1)[0] || (error as Error).message.split('\n', 1)[0]
    throw new ConfigError('IMAGE', image, `${wanted} (${said})`)
  }
  return archive
}
