import { ConfigError, type Flag, readInteger, type Settings } from './config.ts'
import { defaultLimits, type Limits } from './limits.ts'

/** What the collector goes by, beyond what is named now. */
export type CollectionLimits = Pick<Limits, 'gcGraceSeconds' | 'historyVersions' | 'historySeconds'>

/** How a gateway collects; `intervalSeconds` null: not by itself. */
export type CollectionConfig = { intervalSeconds: number | null; limits: CollectionLimits }

const DEFAULT_INTERVAL_SECONDS = 60 * 60
const LEAST_INTERVAL_SECONDS = 1
const MOST_SECONDS = 10 * 365 * 24 * 60 * 60
const DAY_SECONDS = 24 * 60 * 60

/** What is kept although no current list names it: the same for the gateway and for `mooring gc`. */
export const collectionLimitFlags: readonly Flag[] = [
  {
    name: 'gc-grace',
    value: 'SECONDS',
    help: `what was pushed, mounted or said to be here stays this long (default ${defaultLimits.gcGraceSeconds})`,
  },
  {
    name: 'gc-history-versions',
    value: 'N',
    help: `content of each name's last N lists stays (default ${defaultLimits.historyVersions})`,
  },
  {
    name: 'gc-history-days',
    value: 'N',
    help: `content of lists that were current within N days stays (default ${defaultLimits.historySeconds / DAY_SECONDS})`,
  },
]

/** The keys of a gateway's own collector. */
export const collectionFlags: readonly Flag[] = [
  {
    name: 'gc-interval',
    value: 'SECONDS',
    help: `collect garbage this often, or off (default ${DEFAULT_INTERVAL_SECONDS})`,
  },
  ...collectionLimitFlags,
]

/** @throws ConfigError */
export function readCollectionConfig(settings: Settings): CollectionConfig {
  return { intervalSeconds: readInterval(settings), limits: readCollectionLimits(settings) }
}

/** @throws ConfigError */
export function readCollectionLimits(settings: Settings): CollectionLimits {
  const { gcGraceSeconds, historyVersions, historySeconds } = defaultLimits
  const days = readInteger(settings, 'gc-history-days', 0, MOST_SECONDS / DAY_SECONDS, historySeconds / DAY_SECONDS)
  return {
    gcGraceSeconds: readInteger(settings, 'gc-grace', 0, MOST_SECONDS, gcGraceSeconds),
    historyVersions: readInteger(settings, 'gc-history-versions', 1, Number.MAX_SAFE_INTEGER, historyVersions),
    historySeconds: days * DAY_SECONDS,
  }
}

function readInterval(settings: Settings): number | null {
  const setting = settings.get('gc-interval')?.at(-1)
  if (setting === undefined) return DEFAULT_INTERVAL_SECONDS
  if (/^off$/i.test(setting.text)) return null
  const seconds = /^\d{1,16}$/.test(setting.text) ? Number(setting.text) : Number.NaN
  if (seconds >= LEAST_INTERVAL_SECONDS && seconds <= MOST_SECONDS) return seconds
  throw new ConfigError(setting.from, setting.text, `off, or seconds from ${LEAST_INTERVAL_SECONDS} to ${MOST_SECONDS}`)
}
