// Unit tests of rules say what promtool says of them, word by word.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { thaw } from '#test/cli/cli-fixture.ts'
import { TEST_FILES, TEST_FILES_DIRECTORY } from './test-files.ts'

const golden = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8')) as {
  readonly promtool: string
  readonly answers: Readonly<Record<string, { code: number; out: string; err: string }>>
}

describe(`what promtool ${golden.promtool} says`, () => {
  it('is known for every file', () => {
    expect(Object.keys(golden.answers)).toEqual(TEST_FILES)
  })

  it.each(TEST_FILES)('%s', async (file) => {
    const result = await thaw(['rules', 'test', join(TEST_FILES_DIRECTORY, file)])
    // Golden answers are of the folder itself.
    const err = result.err.replaceAll(`${TEST_FILES_DIRECTORY}/`, '')
    expect({ ...result, err }).toEqual(golden.answers[file])
  })
})
