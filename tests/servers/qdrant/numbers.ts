/** Qdrant keeps single-precision floats and prints the fewest digits that tell each from its neighbours. */
export function printed(value: number): number {
  for (let digits = 1; digits <= 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** Squared lengths this near to 1 count as unit length. Source: qdrant, `lib/segment/src/spaces/tools.rs`. */
const UNIT_TOLERANCE = 1e-6;
const EPSILON = 2 ** -23;

/** A vector as a collection with the distance Cosine keeps it. */
export function normalized(vector: Float32Array): Float32Array {
  const squared = dot(vector, vector);
  if (squared < EPSILON || Math.abs(squared - 1) <= UNIT_TOLERANCE) return vector;
  const length = Math.fround(Math.sqrt(squared));
  return vector.map((value) => value / length);
}

/** The inner product, in single precision throughout. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum = Math.fround(sum + Math.fround(a[index]! * b[index]!));
  return sum;
}
