/** What somebody else wrote as a terminal, a log or a header may show it: visible ASCII and spaces, `?` for every other character. */
export function visible(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?')
}

/** The same for what must be one word, such as a URL: `?` for a space too. */
export function visibleWord(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '?')
}
