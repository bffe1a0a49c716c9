/** Strings as numbers: each string is kept once, however many labels have it. */
export class Symbols {
  #strings: string[] = []
  #numbers = new Map<string, number>()

  get size(): number {
    return this.#strings.length
  }

  number(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const number = this.#strings.length
    this.#strings.push(text)
    this.#numbers.set(text, number)
    return number
  }

  text(number: number): string {
    return this.#strings[number]!
  }
}
