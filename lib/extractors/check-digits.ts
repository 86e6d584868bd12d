/** Letters count 10 upwards and pass over multiples of 11. Source: ISO 6346, annex A. */
const CONTAINER_LETTERS: Readonly<Record<string, number>> = Object.fromEntries(
  [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter, index) => [letter, 10 + index + Math.floor((index + 9) / 10)]),
);

/** True when the last of eleven characters is the check digit of the ten before it. Source: ISO 6346, annex A. */
export function isContainerNumber(value: string): boolean {
  let sum = 0;
  for (let index = 0; index < 10; index += 1) {
    const character = value[index]!;
    sum += (CONTAINER_LETTERS[character] ?? Number(character)) * 2 ** index;
  }
  return (sum % 11) % 10 === Number(value[10]);
}

/** Source: 49 CFR 565.15, table III. I, O and Q do not occur. */
const VIN_VALUES: Readonly<Record<string, number>> = {
  ...Object.fromEntries([...'ABCDEFGH'].map((letter, index) => [letter, index + 1])),
  ...Object.fromEntries([...'JKLMN'].map((letter, index) => [letter, index + 1])),
  ...{ P: 7, R: 9 },
  ...Object.fromEntries([...'STUVWXYZ'].map((letter, index) => [letter, index + 2])),
};

/** Weight of each position; the ninth is the check digit itself. Source: 49 CFR 565.15, table IV. */
const VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2] as const;

/** True when the ninth of seventeen characters is the North American check digit. Source: 49 CFR 565.15. */
export function isVin(value: string): boolean {
  let sum = 0;
  for (const [index, weight] of VIN_WEIGHTS.entries()) {
    const character = value[index]!;
    sum += weight * (VIN_VALUES[character] ?? Number(character));
  }
  return value[8] === (sum % 11 === 10 ? 'X' : String(sum % 11));
}
