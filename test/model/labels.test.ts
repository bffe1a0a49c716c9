import { describe, expect, it } from 'vitest'
import { labelsFrom, labelsToRecord } from '#lib/model/labels.ts'

describe('labelsToRecord', () => {
  it('has every label, whatever JavaScript means by its name', () => {
    const labels = ['__name__', 'up', '__proto__', 'x', 'constructor', 'y', 'toString', 'z']
    const record = labelsToRecord(labels)
    expect(Object.entries(record).flat()).toEqual(labels)
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype)
    expect(labelsFrom(JSON.parse(JSON.stringify({ ...record })))).toEqual(labels)
  })
})
