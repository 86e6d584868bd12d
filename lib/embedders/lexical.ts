import type { Embedder } from '../contracts/parts.ts';
import { FREE } from './prices.ts';
import { countWordTokens } from './tokens.ts';

/** Floats of a vector. Measured against 256 and 1,024: see `bench/results`. */
const DIMENSIONS = 512;
/** Letters from which on a word counts in full. Source: Zipf, 1935: in every language the frequent words are the short ones. */
const FULL_WEIGHT_LETTERS = 6;
/** Shortest and longest runs of letters inside a word that count besides the word itself. */
const GRAM_LETTERS = [4, 5] as const;
/** What a run of letters counts for, against 1 for a whole word. */
const GRAM_WEIGHT = 0.35;
/** Assumed of a request. Measured: a few tenths of a millisecond a text, and few requests are full. */
const REQUEST_MS = 5;

/**
 * Hashed words and runs of letters: texts that share words, or parts of words, are near. Offline and deterministic.
 *
 * Short words say little and count little, without a list of them for each language; numbers count in full. Each feature goes to one float by its hash, with the sign by another bit, so that collisions cancel out on average; counts are
 * damped by a square root, and the vector has unit length.
 */
export function createLexicalEmbedder(): Embedder {
  return {
    model: 'lexical-2',
    dimensions: DIMENSIONS,
    maxRequestItems: 256,
    countTokens: countWordTokens,
    countBilledTokens: countWordTokens,
    price: FREE,
    requestMs: REQUEST_MS,
    embed: async (texts) => ({ vectors: texts.map((text) => embedText(text)), tokens: null }),
  };
}

/** The vector of one text. Other dimensions than the embedder's are for measuring. */
export function embedText(text: string, dimensions = DIMENSIONS): Float32Array {
  const vector = new Float32Array(dimensions);
  const features = new Map<number, number>();
  for (const word of text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? []) {
    const weight = weightOf(word);
    add(features, hashOf(word, 0, word.length, WORD_SEED), weight);
    const padded = `^${word}$`;
    for (const length of GRAM_LETTERS) {
      for (let from = 0; from + length <= padded.length; from += 1)
        add(features, hashOf(padded, from, from + length, length), GRAM_WEIGHT * weight);
    }
  }
  for (const [hash, weight] of features) {
    const sign = (hash & 0x40000000) === 0 ? 1 : -1;
    vector[(hash >>> 0) % dimensions]! += sign * Math.sqrt(weight);
  }
  return toUnitLength(vector);
}

/** Numbers, and words of scripts that are written without blanks, where length says nothing. */
const FULL_WEIGHT = /[\p{N}\u2e80-\ud7ff]/u;

function weightOf(word: string): number {
  return FULL_WEIGHT.test(word) ? 1 : Math.min(1, (word.length / FULL_WEIGHT_LETTERS) ** 2);
}

const WORD_SEED = 17;

function add(features: Map<number, number>, hash: number, weight: number): void {
  features.set(hash, (features.get(hash) ?? 0) + weight);
}

/** FNV-1a over UTF-16 units, mixed once more so that short runs spread. Source: the FNV hash, IETF draft eastlake-fnv. */
function hashOf(text: string, from: number, to: number, seed: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let index = from; index < to; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 13);
}

/** A text without any word gets the first axis: every vector has a direction. */
function toUnitLength(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  if (sum === 0) vector[0] = sum = 1;
  const length = Math.sqrt(sum);
  for (let index = 0; index < vector.length; index += 1) vector[index]! /= length;
  return vector;
}
