import { ConfigError, type Flag, readText } from '../config.ts'
import type { VerbContext } from './verb.ts'

/** Where the stores of a gateway lie: the same flag as `mooring serve`. */
export const dataFlag: Flag = {
  name: 'data',
  value: 'DIR',
  help: 'data folder of the gateway (default ./mooring-data)',
}

/** The folder that a verb which takes no name works on. @throws ConfigError when something stands alone */
export function parseDataFolder({ positionals, settings }: VerbContext): string {
  if (positionals.length > 0) throw new ConfigError('DIR', positionals.join(' '), 'flags only, such as --data DIR')
  return readText(settings, 'data') ?? './mooring-data'
}
