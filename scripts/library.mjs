// Builds what `import ... from 'mooring'` gives: one ES module for each source file, so that bundlers leave out what nobody uses, with its
// declaration beside it. Types are checked by `npm run check`, not here.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../', import.meta.url))

/** Writes modules and declarations below `outDir`, with `library/index.js` to begin at. */
export function buildLibrary(outDir) {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const emit = { noEmit: false, declaration: true, noCheck: true, rewriteRelativeImportExtensions: true, types: [] }
  const program = ts.createProgram([`${root}gateway/library/index.ts`], {
    ...{ ...options, ...emit, rootDir: `${root}gateway`, outDir },
  })
  const { diagnostics } = program.emit(undefined, (path, text) => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, path.endsWith('.d.ts') ? withModuleNames(text) : text)
  })
  // For this folder alone: what a module of ours does when it is loaded nobody needs who uses nothing of it.
  writeFileSync(`${outDir}/package.json`, '{ "type": "module", "sideEffects": false }\n')
  if (diagnostics.length === 0) return
  const host = { getCanonicalFileName: (path) => path, getCurrentDirectory: () => root, getNewLine: () => '\n' }
  throw new Error(ts.formatDiagnostics(diagnostics, host))
}

/** In declarations the compiler leaves the names of sources. */
function withModuleNames(text) {
  return text.replaceAll(/((?:from |import\()['"]\.{1,2}\/[^'"]+)\.ts(['"])/g, '$1.js$2')
}
