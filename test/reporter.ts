import type { Reporter, SerializedError, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node'

type Tally = { passed: number; failed: number; skipped: number }

/**
 * The reporter behind `npm test`: one line per file while it runs, every failure in full, every skip with its reason, and as the very
 * last line `N passed, N failed` (`, N skipped`). A skip without a reason, a file that cannot be collected, an error outside any test
 * and a run without tests are failures. The last line is written when the process exits, so nothing can come after it and it comes
 * even when the run itself breaks.
 * @param where what the tests ran on, said at the end of the last line
 */
export function createReporter(where?: string): Reporter {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 }
  let vitest: Vitest
  return {
    onInit(instance) {
      vitest = instance
      process.once('exit', () => finish(tally, where))
    },
    onTestModuleEnd(module) {
      reportModule(vitest, module, tally)
    },
    onTestRunEnd(_modules, unhandledErrors) {
      if (unhandledErrors.length === 0) return
      tally.failed += unhandledErrors.length
      vitest.logger.printUnhandledErrors(unhandledErrors)
    },
  }
}

function finish(tally: Tally, where: string | undefined): void {
  if (tally.passed + tally.failed + tally.skipped === 0) {
    print('FAIL no test ran')
    tally.failed = 1
  }
  if (tally.failed > 0) process.exitCode = 1
  if (process.exitCode && tally.failed === 0) {
    print('FAIL the run ended with an error outside the tests')
    tally.failed = 1
  }
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
  print(`${tally.passed} passed, ${tally.failed} failed${skipped}${where ? `, ${where}` : ''}`)
}

function reportModule(vitest: Vitest, module: TestModule, tally: Tally): void {
  const before = { ...tally }
  const path = module.relativeModuleId
  for (const error of module.errors()) reportFailure(vitest, module, path, [error], tally)
  for (const suite of module.children.allSuites()) {
    if (suite.errors().length > 0) reportFailure(vitest, module, `${path} > ${suite.fullName}`, suite.errors(), tally)
  }
  for (const test of module.children.allTests()) {
    if (isSelected(vitest, test)) reportTest(vitest, module, test, tally)
  }
  const failed = tally.failed - before.failed
  const seconds = (module.diagnostic().duration / 1000).toFixed(1)
  print(`${failed ? 'FAIL' : 'ok  '} ${path}: ${tally.passed - before.passed} passed, ${failed} failed, ${seconds} s`)
}

/** Whether `-t PATTERN` asks for this test; the others count as nothing. */
function isSelected(vitest: Vitest, test: TestCase): boolean {
  const pattern = vitest.config.testNamePattern
  return !pattern || pattern.test(test.fullName.replaceAll(' > ', ' '))
}

function reportTest(vitest: Vitest, module: TestModule, test: TestCase, tally: Tally): void {
  const path = `${module.relativeModuleId} > ${test.fullName}`
  const result = test.result()
  if (result.state === 'passed') tally.passed += 1
  else if (result.state === 'failed') reportFailure(vitest, module, path, result.errors, tally)
  else if (result.state === 'skipped' && result.note) {
    tally.skipped += 1
    print(`skip ${path}: ${result.note}`)
  } else {
    reportFailure(vitest, module, path, [], tally, hasFailedAround(test) ? 'did not run' : 'skipped without a reason')
  }
}

function hasFailedAround(test: TestCase): boolean {
  for (let parent: TestSuite | TestModule = test.parent; ; parent = parent.parent) {
    if (parent.errors().length > 0) return true
    if (parent.type === 'module') return false
  }
}

function reportFailure(
  vitest: Vitest,
  module: TestModule,
  path: string,
  errors: readonly SerializedError[],
  tally: Tally,
  reason = '',
): void {
  tally.failed += 1
  print(`FAIL ${path}${reason && `: ${reason}`}`)
  for (const error of errors) vitest.logger.printError(error, { project: module.project, fullStack: true })
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
