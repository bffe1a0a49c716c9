// Templates of every form and function against what Prometheus 3.14's own package made of them.
import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import {
  checkTemplate,
  expandTemplate,
  TEMPLATE_LIMITS,
  type TemplateData,
  type TemplateOptions,
} from '#lib/rules/template/expand.ts'
import {
  GOLDEN_FILES,
  goldenNumber,
  goldenSamples,
  readGolden,
  type GoldenAlert,
  type GoldenAnswer,
} from './golden.ts'
import { RandomTemplate } from './random-template.ts'

function worldOf(alert: GoldenAlert): { data: TemplateData; options: TemplateOptions } {
  const { name, timeMs, externalUrl, queries } = alert
  return {
    data: { ...alert, value: goldenNumber(alert.value) },
    options: {
      name,
      timeMs,
      externalUrl,
      query: async (expr) => {
        const samples = queries[expr]
        if (samples !== undefined) return goldenSamples(samples)
        throw new DomainError('execution', `no such query: ${expr}`)
      },
    },
  }
}

/** What loading complains of, expanding does, too. How deep templates may go differs. */
function expected(alert: GoldenAlert, { output, error, check }: GoldenAnswer): GoldenAnswer {
  if (check !== undefined) return { check, error: `error parsing template ${alert.name}: ${check}` }
  if (error === undefined) return { output: output! }
  return { error: error.replace('depth (100000)', `depth (${TEMPLATE_LIMITS.depth})`) }
}

async function answerOf(
  text: string,
  { data, options }: ReturnType<typeof worldOf>,
): Promise<GoldenAnswer> {
  const check = await complaint(() => checkTemplate(text, options.name))
  let output: string | undefined
  const error = await complaint(async () => {
    output = await expandTemplate(text, data, options)
  })
  return JSON.parse(JSON.stringify({ output, error, check })) as GoldenAnswer
}

async function complaint(run: () => void | Promise<void>): Promise<string | undefined> {
  try {
    await run()
    return undefined
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return error.message
  }
}

describe.each(GOLDEN_FILES)('templates of %s.jsonl', (file) => {
  const { head, cases } = readGolden(file)
  const world = worldOf(head.alert)

  it(`gives what Prometheus ${head.prometheus} gives`, async () => {
    expect(cases.length).toBeGreaterThan(60)
    for (const { text, ...answer } of cases) {
      expect({ text, ...(await answerOf(text, world)) }).toEqual({
        text,
        ...expected(head.alert, answer),
      })
    }
  })
})

describe('random templates', () => {
  it('end within their bounds, in a text or a DomainError', async () => {
    const { head } = readGolden('random')
    const { data, options } = worldOf(head.alert)
    const limits = { steps: 60, bytes: 500, depth: 5 }
    let expanded = 0
    let limited = 0
    for (let seed = 0; seed < 2_000; seed++) {
      const text = new RandomTemplate(seed).text()
      try {
        const output = await expandTemplate(text, data, { ...options, limits })
        expect(Buffer.byteLength(output)).toBeLessThanOrEqual(limits.bytes)
        expanded++
      } catch (error) {
        if (!(error instanceof DomainError))
          throw new Error(`seed ${seed}: ${text}`, { cause: error })
        if (error.kind === 'limit') limited++
      }
    }
    expect(expanded).toBeGreaterThan(400)
    expect(limited).toBeGreaterThan(0)
  })
})
