import { ConfigError } from '../../config.ts'

/** An image in a source that may hold several, and the names that the source has for it. */
export type NamedImage = { names: readonly string[] }

/** The one image of a source, or the one that `wanted` names: whole, or its part behind a colon or a slash. @throws ConfigError */
export function chooseImage<Choice extends NamedImage>(
  listed: readonly Choice[],
  path: string,
  wanted: string | undefined,
): Choice {
  const matching =
    wanted === undefined ? listed : listed.filter(({ names }) => names.some((name) => isNamed(name, wanted)))
  const [only, ...more] = matching
  if (only !== undefined && more.length === 0) return only
  const names = listed.map((each) => each.names[0] ?? 'one without a name').join(', ')
  const few = listed.length === 0 ? 'an image in it' : `one of its images by --image: ${names}`
  throw new ConfigError('IMAGE', wanted === undefined ? path : `${wanted} in ${path}`, few)
}

function isNamed(name: string, wanted: string): boolean {
  return name === wanted || name.endsWith(`:${wanted}`) || name.endsWith(`/${wanted}`)
}
