/** No usable answer: unreachable, too slow, sent elsewhere, or a URL that is not asked. Says nothing about a name. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'
}

/** A URL for messages. A lookup's is mostly callData, which tells a reader nothing. */
export function shortUrl(url: string): string {
  return url.replace(/0x[0-9a-f]{64,}/, (callData) => `${callData.slice(0, 10)}...`)
}
