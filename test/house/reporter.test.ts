import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

function runFixture(
  name: string,
  ...args: string[]
): { lastLine: string | undefined; output: string; exitCode: number | null } {
  const config = ['--config', 'test/house/fixtures/vitest.config.ts']
  const command = ['node_modules/vitest/vitest.mjs', 'run', ...config, `fixtures/${name}.fixture`, ...args]
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, VITEST: undefined }
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', env })
  return { lastLine: stdout.trimEnd().split('\n').at(-1), output: stdout + stderr, exitCode: status }
}

const cases: readonly [rule: string, fixture: string, lastLine: string, exitCode: number, says: string][] = [
  ['tests that pass', 'passing', '2 passed, 0 failed', 0, 'ok   test/house/fixtures/passing.fixture.ts: 2 passed'],
  ['a test that fails is shown in full', 'failing', '1 passed, 1 failed', 1, "expected 'seen' to be 'wanted'"],
  [
    'a skip with a reason',
    'skipping',
    '1 passed, 0 failed, 1 skipped',
    0,
    'cannot run here: no engine on this machine',
  ],
  [
    'a skip without a reason is a failure',
    'silent-skip',
    '1 passed, 1 failed',
    1,
    'says nothing: skipped without a reason',
  ],
  ['a file that cannot be collected', 'uncollectable', '0 passed, 1 failed', 1, 'broken before any test'],
  ['a hook that throws fails its tests', 'broken-hook', '0 passed, 3 failed', 1, 'one: did not run'],
  ['an error outside the tests', 'unhandled', '1 passed, 1 failed', 1, 'nobody waits for this'],
  ['an only that was left in', 'only', '0 passed, 2 failed', 1, '.only'],
  ['a run without tests', 'nothing-of-this-name', '0 passed, 1 failed', 1, 'no test ran'],
]

test.each(cases)('the last line counts: %s', (_rule, fixture, lastLine, exitCode, says) => {
  const run = runFixture(fixture)
  expect(run.output).toContain(says)
  expect(run).toMatchObject({ lastLine, exitCode })
})

test('a pattern of names counts only the tests it asks for', () => {
  expect(runFixture('failing', '-t', 'holds')).toMatchObject({ lastLine: '1 passed, 0 failed', exitCode: 0 })
})
