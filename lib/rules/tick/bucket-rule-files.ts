/** Rule files in the bucket, where `thaw rules push` puts them. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { getRuleFile, listRuleFiles } from '../file/rule-files.ts'
import type { RuleFiles } from './tick-parts.ts'

export function bucketRuleFiles(bucket: Bucket): RuleFiles {
  return {
    async list(_known, signal) {
      const files = await listRuleFiles(bucket, { signal })
      return files.map(({ lastModifiedMs, ...file }) => ({ ...file, modifiedMs: lastModifiedMs }))
    },
    get: async (name, signal) => (await getRuleFile(bucket, name, { signal })).text,
  }
}
