import { visible } from './visible.ts'

/** distribution-spec "Warnings": 4096 bytes in all, for a handful of them in one answer. */
const maxTextBytes = 1000

/**
 * The value of a `Warning` header: code 299, agent `-`, no date, the text as a quoted string of visible ASCII (distribution-spec
 * "Warnings", RFC 7234 section 5.5). Other characters become `?`, and a text that is too long is cut.
 */
export function warningValue(text: string): string {
  const said = visible(text).slice(0, maxTextBytes)
  return `299 - "${said.replace(/["\\]/g, (character) => `\\${character}`)}"`
}
