import { type Json, MEDIA_TYPES } from '../contracts/document.ts';
import { decodeText } from './decode.ts';
import type { Piece } from './elements.ts';
import { parseFailure } from './failure.ts';
import { defineParser } from './index.ts';

/** JSON, or one JSON value per line: a paragraph for each object or list, of its plain values as `path: value` lines. */
export default defineParser({
  name: 'json',
  mediaTypes: [MEDIA_TYPES.json],
  async parse({ bytes }) {
    const { text, warnings } = decodeText(bytes);
    const pieces: Piece[] = [];
    readValue(readJson(text), '', pieces);
    return { pieces, warnings };
  },
});

function readJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length < 2) throw parseFailure('CORRUPT', 'The JSON does not parse.', error);
    return readLines(lines);
  }
}

function readLines(lines: readonly string[]): Json {
  try {
    return lines.map((line) => JSON.parse(line));
  } catch (error) {
    throw parseFailure('CORRUPT', 'The JSON does not parse, neither as a whole nor line by line.', error);
  }
}

function readValue(value: Json, path: string, pieces: Piece[]): void {
  if (value === null || typeof value !== 'object') {
    pieces.push({ kind: 'paragraph', text: leafLine(path, value) });
    return;
  }
  const entries = Array.isArray(value)
    ? value.map((item, index): [string, Json] => [`${path}[${index}]`, item])
    : Object.entries(value).map(([key, item]): [string, Json] => [path === '' ? key : `${path}.${key}`, item]);
  const isLeaf = ([, item]: [string, Json]) => item === null || typeof item !== 'object';
  pieces.push({
    kind: 'paragraph',
    text: entries
      .filter(isLeaf)
      .map(([key, item]) => leafLine(key, item))
      .join('\n'),
  });
  for (const [key, item] of entries) if (item !== null && typeof item === 'object') readValue(item, key, pieces);
}

function leafLine(path: string, value: Json): string {
  return path === '' ? String(value) : `${path}: ${value}`;
}
