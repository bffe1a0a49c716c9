/** Rule files that are listed now and then, where somebody else tells of most changes: a listing each minute is most of what an idle ruler costs. */
import type { KnownRuleFile, ListedRuleFile, RuleFiles } from './tick-parts.ts'

export interface SeldomListed {
  readonly files: RuleFiles
  /** The next look is one at the files themselves. */
  lookAgain(): void
}

/**
 * A listing is as good as a new one for `everyMs`, as long as the ruler's state has exactly the files that it found: where another ruler has seen others,
 * a file could not be read, or the state began anew, they are listed again.
 */
export function seldomListed(
  files: RuleFiles,
  { everyMs, now }: { readonly everyMs: number; readonly now: () => number },
): SeldomListed {
  let kept: { readonly listed: readonly ListedRuleFile[]; readonly atMs: number } | undefined
  return {
    files: {
      ...files,
      async list(known, signal) {
        const atMs = now()
        const isYoung = kept && atMs >= kept.atMs && atMs - kept.atMs < everyMs
        if (isYoung && textOf(kept!.listed) === textOf(known)) return kept!.listed
        kept = undefined
        const listed = await files.list(known, signal)
        kept = { listed, atMs }
        return listed
      },
    },
    lookAgain() {
      kept = undefined
    },
  }
}

function textOf(files: readonly KnownRuleFile[]): string {
  return JSON.stringify(files.map(({ name, etag }) => [name, etag]))
}
