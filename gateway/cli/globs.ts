import { ConfigError, type Settings } from '../config.ts'
import { type Glob, GlobError, parseGlob } from '../tags/glob.ts'

/** The patterns of a repeatable flag. @throws ConfigError for one that cannot be read */
export function readGlobs(settings: Settings, flagName: string): Glob[] {
  return (settings.get(flagName) ?? []).map(({ from, text }) => {
    try {
      return parseGlob(text)
    } catch (error) {
      if (!(error instanceof GlobError)) throw error
      throw new ConfigError(from, text, `a pattern such as v[0-9]*: ${error.message}`)
    }
  })
}
