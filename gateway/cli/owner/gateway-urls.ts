import { ConfigError, isLoopbackHost, readUrls, type Settings } from '../../config.ts'

const maxGateways = 8
const maxBaseUrlBytes = 255

/** The URLs of `--gateway-url`, as the contract takes base URLs; plain http only on this machine. @throws ConfigError */
export function readGatewayUrls(settings: Settings): string[] {
  const given = settings.get('gateway-url') ?? []
  const urls = readUrls(settings, 'gateway-url')
  urls.forEach((url, position) => {
    const from = given[position]?.from ?? '--gateway-url'
    const { protocol, hostname, search, hash } = new URL(url)
    if (url.length > maxBaseUrlBytes || !/^[\x21-\x7e]+$/.test(url)) {
      throw new ConfigError(from, url, `a URL of at most ${maxBaseUrlBytes} printable ASCII characters`)
    }
    if (search !== '' || hash !== '') throw new ConfigError(from, url, 'a URL without ? and #: paths are put behind it')
    if (protocol === 'http:' && !isLoopbackHost(hostname)) throw new ConfigError(from, url, 'an https:// URL')
  })
  if (urls.length > maxGateways) throw new ConfigError('--gateway-url', `${urls.length} URLs`, `at most ${maxGateways}`)
  if (new Set(urls).size < urls.length) throw new ConfigError('--gateway-url', urls.join(' '), 'each URL once')
  return urls
}
