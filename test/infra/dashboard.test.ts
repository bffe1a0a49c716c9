import { describe, expect, it } from 'vitest'

import { EMPTY_BACKLOG } from '#lib/compact/plan/backlog.ts'
import { planReport } from '#lib/compact/plan/plan-report.ts'

import { metricsOfWidget, problemOf, type Widget, widgetsOf } from './named-metrics.ts'
import { plain, resourcesOf, synthesize } from './synthesized.ts'

const WIDTH = 24

describe('the dashboard', () => {
  const template = synthesize()
  const widgets = widgetsOf(template)
  const metrics = widgets.flatMap(metricsOfWidget)

  it('is one page of these', () => {
    expect(widgets.map(({ type, properties }) => properties['title'] ?? type)).toEqual([
      'text',
      'Alarms',
      'Requests a minute',
      'Milliseconds until the answer',
      'Calls turned away by Lambda',
      'Milliseconds of functions, 99% are faster',
      'Errors of functions',
      'Running at one time',
      'Ticks of rules, in five minutes',
      'Plans, and what they found',
      'Jobs of compaction',
      'Who wrote, and how long ago: the longest first',
      'Jobs of compaction that are planned, and minutes of work',
      'Dollars a day, estimated, without requests to S3',
      'Dollars of a month at the rate of six hours',
    ])
  })

  it('fills its width, and nothing lies upon another', () => {
    for (const [i, one] of widgets.entries()) {
      expect(one.x + one.width).toBeLessThanOrEqual(WIDTH)
      for (const other of widgets.slice(i + 1)) {
        expect([one.properties['title'], overlap(one, other)]).toEqual([
          one.properties['title'],
          false,
        ])
      }
    }
    const area = widgets.reduce((sum, { width, height }) => sum + width * height, 0)
    const bottom = Math.max(...widgets.map(({ y, height }) => y + height))
    expect(area).toBe(WIDTH * bottom)
  })

  it('shows metrics that there are, no more than a free dashboard may have', () => {
    const problems = metrics.map((metric) => problemOf(template, metric))
    expect(problems.filter((problem) => problem !== undefined)).toEqual([])
    const different = new Set(metrics.map((metric) => JSON.stringify(metric)))
    expect(different.size).toBeGreaterThan(30)
    expect(different.size).toBeLessThanOrEqual(50)
  })

  it('shows each metric of a filter but the one that the log tells better', () => {
    const filters = Object.values(resourcesOf(template, 'AWS::Logs::MetricFilter'))
    const made = filters.map(({ Properties }) => {
      const [transformation] = Properties['MetricTransformations'] as [{ MetricName: string }]
      return transformation.MetricName
    })
    const own = metrics.filter(({ namespace }) => namespace === 'thaw')
    const shown = new Set(own.map(({ name }) => name))
    expect(made.filter((name) => !shown.has(name))).toEqual(['OldestJobSeconds'])
  })

  it('shows every alarm', () => {
    const { alarms } = widgets.find(({ type }) => type === 'alarm')!.properties
    const shown = (alarms as string[]).map((arn) => arn.replace(/^.+:alarm:/, ''))
    const there = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm'))
    expect(shown).toEqual(there.map(({ Properties }) => Properties['AlarmName']))
    expect((alarms as string[])[0]).toBe(
      'arn:{"Ref":"AWS::Partition"}:cloudwatch:{"Ref":"AWS::Region"}:{"Ref":"AWS::AccountId"}:alarm:thaw-plan-failing',
    )
  })

  it('asks the log of plan for fields that its lines have', () => {
    const line = planReport({
      update: { blocks: 0, hidden: 0, partial: [], added: [], removed: [], written: false },
      blocks: [],
      packMarks: [],
      backlog: EMPTY_BACKLOG,
      sent: [],
      writers: [],
      nowMs: 0,
    })
    const queries = widgets
      .filter(({ type }) => type === 'log')
      .map(({ properties }) => String(properties['query']))
    expect(queries).toHaveLength(2)
    for (const query of queries) {
      const [, source = ''] = /^SOURCE '(.+?)'/.exec(query) ?? []
      expect(plain(JSON.parse(source))).toBe('PlanLog')
      const fields = [...query.matchAll(/message\.(\w+)/g)].map(([, field]) => field!)
      expect(fields.length).toBeGreaterThan(1)
      expect(fields.filter((field) => !Object.hasOwn(line, field))).toEqual([])
    }
  })

  it('gives each expression the metrics that it is made of', () => {
    for (const { properties } of widgets) {
      const rows = (properties['metrics'] ?? []) as unknown[][]
      const options = rows.map((row) => row.at(-1) as { id?: string; expression?: string })
      const ids = new Set(options.flatMap(({ id }) => id ?? []))
      for (const { expression = '' } of options) {
        const used = expression.match(/\b[a-z]\w*/g) ?? []
        expect(used.filter((id) => !ids.has(id))).toEqual([])
      }
    }
  })

  it('does without the authorizer where there is none, and shows the second door', () => {
    const own = synthesize({ authorizer: 'iam', streamingDoor: true })
    const shown = widgetsOf(own).flatMap(metricsOfWidget)
    expect(shown.filter((metric) => problemOf(own, metric) !== undefined)).toEqual([])
    const of = (text: string): boolean => JSON.stringify(shown).includes(text)
    expect([of('Authorize'), of('StreamFunction')]).toEqual([false, true])
    const both = widgetsOf(synthesize({ streamingDoor: true })).flatMap(metricsOfWidget)
    expect(new Set(both.map((metric) => JSON.stringify(metric))).size).toBeLessThanOrEqual(50)
  })

  it('is not there where it is not wanted', () => {
    expect(resourcesOf(synthesize({ dashboard: false }), 'AWS::CloudWatch::Dashboard')).toEqual({})
  })
})

function overlap(a: Widget, b: Widget): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}
