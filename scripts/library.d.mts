/** Writes modules and declarations below `outDir`, with `library/index.js` to begin at. */
export function buildLibrary(outDir: string): void
