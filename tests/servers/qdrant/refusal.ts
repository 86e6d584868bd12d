/** An answer that is an error, in the words of the real server. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const malformed = (what: string) => new Refusal(400, `Format error in JSON body: ${what}`);
export const wrongInput = (what: string) => new Refusal(400, `Wrong input: ${what}`);
export const invalid = (what: string) => new Refusal(422, `Validation error in JSON body: [${what}]`);
export const notFound = (what: string) => new Refusal(404, `Not found: ${what}`);
