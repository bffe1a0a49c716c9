/**
 * Runs promtool 3.14 on every file of unit tests in `files` and writes golden.json:
 *
 *   THAW_PROMTOOL=promtool node cli/launch.mjs --run test/rules/unit-test/make-golden.ts
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { TEST_FILES, TEST_FILES_DIRECTORY } from './test-files.ts'

const promtool = process.env['THAW_PROMTOOL'] ?? 'promtool'
const answers = Object.fromEntries(
  TEST_FILES.map((file) => {
    const { status, stdout, stderr } = spawnSync(promtool, ['test', 'rules', file], {
      cwd: TEST_FILES_DIRECTORY,
      encoding: 'utf8',
    })
    return [file, { code: status, out: stdout, err: stderr }]
  }),
)
const golden = { promtool: '3.14', command: 'promtool test rules <file>', answers }
writeFileSync(new URL('golden.json', import.meta.url), `${JSON.stringify(golden, undefined, 2)}\n`)
