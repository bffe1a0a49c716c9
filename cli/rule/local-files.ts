/** Rule files of this machine as the ruler's: `--rule-file`, with paths as names, as Prometheus has it. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { findRuleFiles, readLocalRuleFile } from '#lib/rules/file/local-rule-files.ts'
import type { RuleFiles } from '#lib/rules/tick/tick-parts.ts'

export function localRuleFiles(patterns: readonly string[]): RuleFiles {
  return {
    async list() {
      const { files } = await findRuleFiles(patterns)
      const found = await Promise.all(files.map(({ path }) => describe(path)))
      return found.filter((file) => file !== undefined)
    },
    get: (name) => readLocalRuleFile(name),
  }
}

/** One that can't be read is another one each time, so that it is said each time. Undefined where it is gone. */
async function describe(path: string) {
  const found = await stat(path).catch(() => undefined)
  if (!found) return undefined
  const etag = await readLocalRuleFile(path).then(
    (text) => createHash('sha256').update(text).digest('hex').slice(0, 32),
    () => `unreadable ${found.ctimeMs}`,
  )
  return { name: path, etag, modifiedMs: Math.floor(found.mtimeMs) }
}
