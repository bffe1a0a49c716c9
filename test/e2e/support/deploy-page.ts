/** docs/deploy.md walked: its commands in their order, as they are written there, with a look at what they made after each chapter. */
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { commandsOf, missingLine } from '#test/cli/bucket/operations-page.ts'
import { aws } from './deploy-checks.ts'
import { COMMAND_TIMEOUT_MS, type DeployWorld, setOptions } from './deploy-world.ts'
import { filesOf } from './rules-page-world.ts'

export const DEPLOY_PAGE = await readFile('docs/deploy.md', 'utf8')

/** Chapters with commands, in their order. */
const CHAPTERS = DEPLOY_PAGE.split(/^## /m)
  .slice(1)
  .map((text) => ({
    title: text.slice(0, text.indexOf('\n')),
    commands: commandsOf(text),
    files: filesOf(text),
  }))
  .filter(({ commands }) => commands.length > 0)

export interface Walk {
  /** What stands in for AWS. */
  readonly on: string
  readonly start: () => Promise<DeployWorld>
  /** Given the first line that stands for the same here. */
  readonly here: (line: string) => string
  /** Why a command can't be done there; undefined where it can. */
  readonly cannot?: (line: string) => string | undefined
  /** By the title of the chapter after which they are. */
  readonly look: Readonly<Record<string, () => void>>
}

const COMMIT = 'query: a newer one'

/** What the page leaves to others: the reader's choices, and those who work on thaw. */
const BEFORE: Readonly<Record<string, (world: DeployWorld) => Promise<void>>> = {
  Deploy: setOptions,
  'Change and update': ({ upstream }) =>
    upstream.commit(COMMIT, (dir) =>
      appendFile(join(dir, 'functions/query.ts'), "process.title = 'newer'\n"),
    ),
}

export function describeWalk({ on, start, here, cannot, look }: Walk): void {
  let world: DeployWorld
  const times: string[] = []
  let startedMs = 0

  beforeAll(async () => {
    world = await start()
  })
  beforeEach(() => {
    startedMs = performance.now()
  })
  afterEach(({ task }) => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    times.push(`${seconds.padStart(6)} s  ${task.name}`)
  })
  afterAll(async () => {
    console.log([`docs/deploy.md on ${on}:`, ...times].join('\n'))
    await world?.stop()
  })

  /** What is elsewhere here: the repository and the Prometheus. The CLI of PyPI wants the region under its old name. */
  const asHere = (line: string): string =>
    here(
      line
        .replace('<this repository>', world.upstream.url)
        .replace(/^export AWS_REGION=(\S+).*/, '$& \nexport AWS_DEFAULT_REGION=$1')
        .replace('http://localhost:9090', world.prometheus.url)
        .replace('/var/lib/prometheus/metrics2', world.prometheus.dataDir),
    )

  describe.each(CHAPTERS)('docs/deploy.md: $title', ({ title, commands, files }) => {
    beforeAll(async () => {
      await BEFORE[title]?.(world)
      for (const [name, text] of files) await writeFile(join(world.dir, name), text)
    })
    it.for(commands)('$text', { timeout: COMMAND_TIMEOUT_MS }, async (command, context) => {
      const { text, expected } = command
      const why = cannot?.(text)
      if (why !== undefined) return context.skip(why)
      const { code, output } = await world.console.run(asHere(text))
      const missing = missingLine(output, expected)
      expect({ output, missing, code }).toEqual({ output, missing: undefined, code: 0 })
    })
    look[title]?.()
  })
}

/** Of the last version of `query` that was published: whether it is of other code than the first, after what was pulled. */
export async function updatedQuery(
  world: DeployWorld,
): Promise<{ pulled: boolean; isOther: boolean; memory: number }> {
  const { output } = await world.console.run('git log --max-count=1 --format=%s')
  const list = 'lambda list-versions-by-function --function-name thaw-query --output json'
  const { Versions } = JSON.parse(await aws(world, list)) as {
    Versions: { Version: string; CodeSha256: string; MemorySize: number }[]
  }
  const numbered = Versions.filter(({ Version }) => Version !== '$LATEST')
  const [first, last] = [numbered[0]!, numbered.at(-1)!]
  return {
    pulled: output.trim() === COMMIT,
    isOther: first.CodeSha256 !== last.CodeSha256,
    memory: last.MemorySize,
  }
}
