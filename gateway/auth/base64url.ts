const form = /^[A-Za-z0-9_-]*$/

/** RFC 4648 section 5, without padding. */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The exact inverse: undefined for text that `encodeBase64url` never writes (padding, other characters, stray bits at the end). */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!form.test(text) || text.length % 4 === 1) return undefined
  const raw = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = Uint8Array.from(raw, (letter) => letter.charCodeAt(0))
  return encodeBase64url(bytes) === text ? bytes : undefined
}
