import { expect, test } from 'vitest';
import { Measures } from '../../../src/metrics/measures.ts';

function openMeasures() {
  let nowMs = 0;
  const measures = new Measures(() => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { measures, pass };
}

test('a step is begun once, come through once, and takes as long as until the next', () => {
  const { measures, pass } = openMeasures();
  const watch = measures.watch();
  watch.begin('stage');
  pass(20);
  watch.begin('parse');
  pass(700);
  watch.complete();
  expect(measures.take()).toEqual({
    'apex_steps_started_total{step="stage"}': 1,
    'apex_steps_completed_total{step="stage"}': 1,
    'apex_step_duration_seconds_bucket{step="stage",le="0.025"}': 1,
    'apex_step_duration_seconds_sum{step="stage"}': 0.02,
    'apex_step_duration_seconds_count{step="stage"}': 1,
    'apex_steps_started_total{step="parse"}': 1,
    'apex_steps_completed_total{step="parse"}': 1,
    'apex_step_duration_seconds_bucket{step="parse",le="1"}': 1,
    'apex_step_duration_seconds_sum{step="parse"}': 0.7,
    'apex_step_duration_seconds_count{step="parse"}': 1,
  });
  expect(measures.take()).toEqual({});
});

test('a step that fails has no duration, and is counted for each document that is in it', async () => {
  const { measures } = openMeasures();
  const failing = measures.during(3, async (watch) => {
    watch.begin('write');
    throw new Error('refused');
  });
  await expect(failing).rejects.toThrow('refused');
  expect(measures.take()).toEqual({
    'apex_steps_started_total{step="write"}': 3,
    'apex_steps_failed_total{step="write"}': 3,
  });
});

test('what takes longer than every bound is in the last bucket, which has none', () => {
  const { measures, pass } = openMeasures();
  const watch = measures.watch(2);
  watch.begin('embed');
  pass(400_000);
  watch.complete();
  expect(measures.take()).toMatchObject({
    'apex_step_duration_seconds_bucket{step="embed",le="+Inf"}': 2,
    'apex_step_duration_seconds_sum{step="embed"}': 800,
  });
});

test('nothing is counted of no documents', () => {
  const { measures } = openMeasures();
  const watch = measures.watch(0);
  watch.begin('embed');
  watch.begin('write');
  watch.fail();
  expect(measures.take()).toEqual({});
});

test('results that were written count with what was found in them; one without an entity is an empty result', () => {
  const { measures } = openMeasures();
  const found = { chunks: 2, relations: 1 };
  measures.noteResults([
    { outcome: 'added', entities: 3, ...found },
    { outcome: 'updated', entities: 0, ...found },
    { outcome: 'unchanged', entities: 0, ...found },
  ] as never);
  expect(measures.take()).toEqual({
    apex_chunks_total: 4,
    apex_entities_total: 3,
    apex_relations_total: 2,
    'apex_empty_results_total{step="extract"}': 1,
  });
});
