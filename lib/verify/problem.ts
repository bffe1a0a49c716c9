/** What may be wrong with a bucket, and a list of what is. */

/** The first three are Thanos's. */
export const ISSUES = {
  index_known_issues: 'chunks outside of their block, twice, or out of order; labels out of order',
  overlapped_blocks: 'blocks of one stream and resolution with times in common',
  duplicated_compaction: 'blocks that were compacted twice from the same sources',
  files: 'files that are missing, too many, or not as long as meta.json says',
  meta: 'meta.json that is broken, or does not say what the block holds',
  index: 'sections of the index: their checksums, symbols, the order of series',
  postings: 'postings that do not agree with the series',
  chunks: 'chunks: their checksums, whether they decode, their times, the order of their samples',
  marks: 'marks and tombstones that cannot be read',
  lookup: "thaw's lookups that do not agree with their index",
  bucket_index: "thaw's bucket index, where it does not agree with the bucket",
} as const

export type Issue = keyof typeof ISSUES

export const ALL_ISSUES = Object.keys(ISSUES) as readonly Issue[]

export interface Problem {
  readonly issue: Issue
  /** A warning is of no harm to what is stored. */
  readonly severity: 'error' | 'warning'
  /** The same for what is wrong in the same way. */
  readonly message: string
  /** How often it was found. */
  readonly count: number
  /** The first places where it was. */
  readonly examples: readonly string[]
}

const MAX_EXAMPLES = 5

/** Many broken chunks are one problem, with a few of them as examples. */
export class ProblemList {
  readonly #issues: ReadonlySet<Issue>
  readonly #found = new Map<string, Problem & { count: number; readonly examples: string[] }>()

  /** Others than `issues` are not listed. */
  constructor(issues: ReadonlySet<Issue>) {
    this.#issues = issues
  }

  add(
    issue: Issue,
    message: string,
    example?: string | (() => string),
    severity: Problem['severity'] = 'error',
  ): void {
    if (!this.#issues.has(issue)) return
    const key = `${issue} ${message}`
    let problem = this.#found.get(key)
    if (!problem) {
      problem = { issue, severity, message, count: 0, examples: [] }
      this.#found.set(key, problem)
    }
    problem.count++
    if (example === undefined || problem.examples.length === MAX_EXAMPLES) return
    problem.examples.push(typeof example === 'string' ? example : example())
  }

  has(issue: Issue): boolean {
    return this.problems().some((problem) => problem.issue === issue)
  }

  /** In the order in which they were found first. */
  problems(): readonly Problem[] {
    return [...this.#found.values()]
  }
}

export interface BlockReport {
  readonly id: string
  readonly problems: readonly Problem[]
  /** What was read of it; zero where nothing below meta.json was asked for. */
  readonly series: number
  readonly chunks: number
  readonly samples: number
}
