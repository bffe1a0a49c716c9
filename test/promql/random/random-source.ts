/** Numbers drawn from a seed (mulberry32), and choices made by them. */
export class RandomSource {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  /** Some of them, in an order of its own. */
  some<T>(choices: readonly T[], most: number): T[] {
    const left = [...choices]
    const taken: T[] = []
    for (let n = this.below(most + 1); n > 0 && left.length > 0; n--) {
      taken.push(...left.splice(this.below(left.length), 1))
    }
    return taken
  }

  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let at = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, choice] of choices) if ((at -= weight) < 0) return choice
    return choices.at(-1)![1]
  }
}
