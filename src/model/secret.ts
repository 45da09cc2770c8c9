import { inspect } from 'node:util'

const mask = '********'

/**
 * A value that must not be seen: it prints as asterisks in every usual way of printing (string, JSON, inspect),
 * and only `reveal()` gives it out, so that each use can be found by searching for that word.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return mask
  }

  toJSON(): string {
    return mask
  }
}

Object.defineProperty(Secret.prototype, inspect.custom, { value: () => mask })
