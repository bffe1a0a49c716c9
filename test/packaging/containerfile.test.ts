/** The Containerfile: what it copies is there or made by what it runs, and its images run as nobody. */
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { bundleThaw } from '#packaging/bundle-thaw.ts'
import { exists } from '#test/peer/cache.ts'

interface Stage {
  readonly name: string
  readonly from: string
  readonly lines: readonly (readonly [instruction: string, rest: string])[]
}

/** Instructions by stage, with continued lines joined. */
function stagesOf(text: string): Stage[] {
  const lines = text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => /^([A-Z]+) (.*)$/.exec(line)!)
  const stages: { name: string; from: string; lines: [string, string][] }[] = []
  for (const [, instruction, rest] of lines) {
    const from = instruction === 'FROM' ? /^(\S+) AS (\S+)$/.exec(rest!) : undefined
    if (from) stages.push({ from: from[1]!, name: from[2]!, lines: [] })
    else stages.at(-1)!.lines.push([instruction!, rest!])
  }
  return stages
}

const stages = stagesOf(await readFile('packaging/Containerfile', 'utf8'))
const of = (stage: Stage, instruction: string): string[] =>
  stage.lines.filter(([name]) => name === instruction).map(([, rest]) => rest)
const wordsOf = (json: string): string[] => JSON.parse(json) as string[]

let bundles: ReadonlyMap<string, string>

beforeAll(async () => {
  bundles = await bundleThaw()
}, 60_000)

describe('the Containerfile', () => {
  it('has a build and two images, of which thaw is the one that is made without a word', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', 'agent', 'thaw'])
    expect(new Set(stages.map(({ from }) => from))).toEqual(new Set(['node:24-slim']))
  })

  it.each(stages.slice(1))('$name runs as nobody, with a health check on its port', (stage) => {
    expect(of(stage, 'USER')).toEqual(['65534:65534'])
    const [check] = of(stage, 'HEALTHCHECK')
    expect(check).toContain('http://127.0.0.1:10902/-/healthy')
    const command = wordsOf(/CMD (\[.*\])$/.exec(check!)![1]!)
    expect(command[0]).toBe('node')
    expect(of(stage, 'EXPOSE')).toEqual(['10901 10902'])
  })

  it.each(stages.slice(1))(
    '$name has only files that the build makes or the repository has',
    async (stage) => {
      const made = new Set(['thaw-agent.mjs', ...bundles.keys()].map((name) => `/src/dist/${name}`))
      const [copy] = of(stage, 'COPY')
      const sources = copy!.split(' ').slice(1, -1)
      expect(sources.length).toBeGreaterThan(1)
      for (const source of sources) {
        expect(made.has(source) || (await exists(source.replace('/src/', '')))).toBe(true)
      }
    },
  )

  it('builds by scripts that are there, and copies nothing large into the build', async () => {
    const [build] = stages
    const scripts = of(build!, 'RUN').flatMap((line) => [...line.matchAll(/node (\S+)/g)])
    expect(scripts).toHaveLength(2)
    for (const [, script] of scripts) expect(await exists(script!)).toBe(true)
    const ignored = (await readFile('.dockerignore', 'utf8')).split('\n')
    expect(ignored).toEqual(expect.arrayContaining(['**/node_modules', '.git', '.cache', 'dist']))
  })
})

describe('the bundles of the image', () => {
  it('are the command and the files of its threads, with no path of the machine that made them', () => {
    expect([...bundles.keys()]).toEqual(['thaw.mjs', 'slice-worker.mjs', 'part-worker.mjs'])
    for (const text of bundles.values()) {
      expect(text).not.toContain(process.cwd())
      expect(text.length).toBeLessThan(6_000_000)
    }
  })
})
