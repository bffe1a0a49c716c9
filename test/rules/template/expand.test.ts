import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import {
  checkTemplate,
  expandTemplate,
  type TemplateData,
  type TemplateOptions,
} from '#lib/rules/template/expand.ts'

const data: TemplateData = {
  labels: { instance: 'a.example.com:9100', job: 'näïve' },
  externalLabels: { ruler: 'thaw' },
  externalUrl: 'http://thaw.example.com/x',
  value: 0.25,
}

const asked: string[] = []
const options: TemplateOptions = {
  name: '__alert_a',
  timeMs: 1_353_755_652_000,
  externalUrl: data.externalUrl,
  query: async (expr, timeMs) => {
    asked.push(`${expr} at ${timeMs}`)
    if (expr === 'none') throw new DomainError('timeout', 'query timed out – näh')
    if (expr === 'bug') throw new TypeError('bug')
    return [{ labels: { instance: 'b' }, value: 5 }]
  },
}

function expand(text: string, limits?: TemplateOptions['limits']): Promise<string> {
  return expandTemplate(text, data, limits === undefined ? options : { ...options, limits })
}

describe('expandTemplate', () => {
  it('has the variables of alerts', async () => {
    expect(
      await expand(
        '{{ $labels.instance | stripDomain }} {{ $value | humanizePercentage }} {{ $externalLabels.ruler }} {{ $externalURL }} {{ $labels.job }} {{ $labels.none }}',
      ),
    ).toBe('a:9100 25% thaw http://thaw.example.com/x näïve ')
  })

  it('asks queries at the time of the evaluation, one after the other', async () => {
    asked.length = 0
    const text = '{{ with query "up" }}{{ . | first | value }}{{ end }} {{ query "down" | len }}'
    expect(await expand(text)).toBe('5 1')
    expect(asked).toEqual(['up at 1353755652000', 'down at 1353755652000'])
  })

  it('says what a query that failed said', async () => {
    await expect(expand('é {{ query "none" }}')).rejects.toEqual(
      new DomainError(
        'execution',
        'error executing template __alert_a: template: __alert_a:1:118: executing "__alert_a" at <query "none">: error calling query: query timed out – näh',
      ),
    )
  })

  it('hides no bug of a query', async () => {
    await expect(expand('{{ query "bug" }}')).rejects.toThrow(TypeError)
  })

  it('ends templates that go on too long', async () => {
    const limits = { steps: 1_000, bytes: 10_000, depth: 20 }
    const long = new DomainError(
      'limit',
      'error executing template __alert_a: template takes more than 1000 steps',
    )
    await expect(expand('{{ range 1000000000000 }}x{{ end }}', limits)).rejects.toEqual(long)
    await expect(expand('{{ range 2000 }}{{ query "up" }}{{ end }}', limits)).rejects.toEqual(long)
    const large = 'template makes more than 10000 bytes'
    await expect(expand('{{ printf "%20000d" 1 }}', limits)).rejects.toThrow(large)
    await expect(expand('{{ range 150 }}{{ printf "%90d" 1 }}{{ end }}', limits)).rejects.toThrow(
      large,
    )
    const doubling = '{{ $x := "abcd" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}'
    await expect(expand(doubling, { ...limits, steps: 5_000 })).rejects.toThrow(large)
    await expect(
      expand('{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}', limits),
    ).rejects.toThrow('<{{template "a"}}>: exceeded maximum template depth (20)')
  })

  it('counts more steps for work on much', async () => {
    const much = '{{ $x := printf "%900000d" 1 }}'
    for (const text of [
      `${much}{{ range 100 }}{{ $y := title $x }}{{ end }}`,
      `${much}{{ html ${'$x '.repeat(100)} }}`,
      `${much}{{ match "(x+x+)+y" $x }}`,
      '{{ range 1000 }}{{ match (print "(a{900}){1}" .) "x" }}{{ end }}',
    ]) {
      await expect(expand(text)).rejects.toThrow('template takes more than 200000 steps')
    }
  })

  it('prints no maps that have themselves in themselves without end', async () => {
    const broad = '{{ $m := args 1 1 }}{{ range 60 }}{{ $m = args $m $m }}{{ end }}{{ print $m }}'
    await expect(expand(broad)).rejects.toThrow('template prints more than 100000 parts')
    const deep = '{{ $m := args 1 }}{{ range 50000 }}{{ $m = args $m }}{{ end }}{{ $m }}'
    await expect(expand(deep)).rejects.toThrow('template is nested too deeply')
  })

  it('refuses what is nested without end', async () => {
    for (const text of [
      `{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`,
      '{{ if 1 }}'.repeat(20_000) + '{{ end }}'.repeat(20_000),
      `{{ if 0 }}${'{{ else if 0 }}'.repeat(20_000)}{{ end }}`,
    ]) {
      await expect(expand(text)).rejects.toThrow('max expression depth exceeded')
    }
    const nested = `${'{{ if 1 }}'.repeat(400)}{{ template "a" }}${'{{ end }}'.repeat(400)}`
    await expect(expand(`{{ define "a" }}${nested}{{ end }}{{ template "a" }}`)).rejects.toThrow(
      'template is nested too deeply',
    )
  })
})

describe('checkTemplate', () => {
  it('says what Prometheus says when it loads rules', () => {
    checkTemplate('{{ $labels.a }}', '__alert_a')
    expect(() => checkTemplate('a\n{{ $nope }}', '__alert_a')).toThrow(
      new DomainError('invalid', 'template: __alert_a:2: undefined variable "$nope"'),
    )
  })
})
