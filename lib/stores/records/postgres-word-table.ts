// What SQLite's tokenizer `unicode61 remove_diacritics 2` takes of each character beyond ASCII, read from it character by character.
// Source: https://sqlite.org/fts5.html#unicode61_tokenizer; a test compares every character of Unicode with it.

/**
 * Characters that end a word. Ranges in order, in base 36: how far the first lies behind the last of the range before (127 at
 * first), then, after a point, how many follow it.
 */
export const SEPARATORS = `
  1.15 2.6 3 2.2 3 4 o w cr.3 d.d 6.6 2 2.g 6 8.1 2 2.8 2.6 7.3 3 3.1p 6 9 6.1 2 33 3w.7 5t.5 16.1 5 2.1i 18.1 c.4 2.l
  3.1 18.k b.3 3 2s 2.e 3.6 g.1 2.d 2 2 v.q 2k.a 1n.8 3.3 t.3 2.8 2.2 2.4 3.e r.2 3 3q.q 2.3 1j.2 2.h 2.6 b.3 b h.2 1l
  2.6 3.1 3.2 a b.1 f.1 7.1 6.2 1l 2.4 5.1 3.2 4 v.1 4 c.2 1l 2.7 2.2 2.2 l.1 d.1 g.2 1l 2.6 3.1 3.2 9.1 b.1 d i 1o.4 4.2
  2.3 a s.7 7.2 1n.6 2.2 2.3 8.1 c.1 s 3.1 1l 2.6 2.2 2.3 8.1 c.1 v.1 1n.6 2.2 2.3 a b.1 m 9.1 1z 5.5 2 2.7 j.2 1p 3.6 5
  8.8 b.1 2e 3.5 2.1 c.5 1g.u l.b 1e.m 6.a 2.z 2.e 2.c 29.j c.5 7.3 5.2 2.2 3.6 4.3 e.b 2 b.5 2k gy.b 14.9 2v h9.1 i r.1
  27.2 11.2 u.4 s.1 v.1 1t.y 2.3 2 z.e 4b 3b.b 5.b 5 4.1 2z.g 8.1 l.x o.4 3.1 1i.9 2.s 3 x.6 2.5 2b.4 1c.g m.y 4.2 v.c
  1l.d 9.3 11.j 4.4 1r.1 1t.7 9.o 5 5.2 5o.12 m.3 ce 2.2 c.2 e.2 e.2 e.1 2.2s 6.5 b.4 c.4 i.p n.w g.1 2.3 2.1 b 2.2 6.5 2
  2 2 5 c.1 5.4 6.3 2 1t.gz d.12 q.a 2a.25 n.e7 2.38 v.qg 4.9 b0.5 5.2 8.3 2.1 35 f 2p.26 2.b 1x.p 2.2g d.5x r.b 5.4 4.o
  a.6 6.1 6.2 2i.3 4 2j 45.1 5.9 x.z t.u c.t 9 g.v b.12 g.1q 2.73 535.1r h3l.1i 1k.1 7i.2 2o.f x 29.7 9.m a.1 2w.1 3c 4 5
  o.8 b.3 1n.3 9.1 1f.g a.1 h.h 7.2 18.9 o.c c x.3 1c.q h.1 22.d d 9.1 f.3 o.2 2 1h 2.2 3.1 6.1 2 t.1 c.6 4.1 6l.a
  8pf.1kv 5cv b 3t.f al.1 59.1 3.p 7.6 a.y 2.i 2.3 44 2.e b.6 r.5 r.a 3f.6 2.6 b.6 75.2 1h.8 1m.g 7.b 1h.19 bm 1d w7 5k w
  5e.2 2.1 6.3 15.2 5 h.8 13 56.6 xt.2 1i.l 1f.2 1a.h 1r.2 11.d c.3 1p.2 1d.d 5.3 yr.c 2pl.3 ese.19 h.3 j1q.6t b.12 3.50
  z.1x 57.2e ob q w q w q w q w q 4kt.1 7j.17 5.2r d.e 3.d 3.e 2.e 1d.u 2.1n 5.16 24.s e.16 6.8 8.1 4v.w g.5 2.1x 4.j
  d.10 2.4 m.g g.1q 2 2.51 2.3 4.1p 3.3 d.n 44.1x 5.a 1d.1x 1n.37 gwi6 v.2n 3l.6n`;

/**
 * Characters that are taken for another one. Runs in order, in base 36: how far the first lies behind the last of the run before
 * (127 at first), what it becomes (0: nothing, without ending the word), how many there are (1), from each to the next (1),
 * and from what each becomes to what the next does (the same).
 */
export const FOLDED = `
  1i.qk b.2p.6.1.0 1.6e 1.2r 1.2t.4.1.0 1.2x.4.1.0 1.6o 1.32.2 1.33.4.1.0 2.6w 1.39.4.1.0 1.3d 1.72 2.2p.6.1.0 2.2r
  1.2t.4.1.0 1.2x.4.1.0 2.32.2 1.33.4.1.0 3.39.4.1.0 1.3d.2.2.0 1.2p.6.1.0 1.2r.8.1.0 1.2s.2.1.0 1.7l 2.2t.a.1.0
  1.2v.8.1.0 1.2w.2.1.0 1.87 2.2x.9.1.0 2.8j 2.2y.2.1.0 1.2z.2.1.0 2.30.6.1.0 1.8w.2.2 2.32.6.1.0 2.97 2.33.6.1.0 1.9f
  2.36.6.1.0 1.37.8.1.0 1.38.4.1.0 1.9z 2.39.c.1.0 1.3b.2.1.0 1.3d.3.1.0 1.3e.6.1.0 1.37 2.gj 1.ar.2.2 2.gk 1.aw 2.gm.2
  1.b0 3.d9 1.gp 1.gr 1.b6 2.gw 1.gz 2.h5 1.h4 1.bd 4.hb 1.he 2.hh 1.33.2.1.0 1.bn.2.2 2.hs 1.bs 2.hv 3.bx 2.i0
  1.39.2.1.0 1.i2.2 1.c4.2.2 2.ia 1.c9 4.cd 8.cm.2.1.0 2.cp.2.1.0 2.cs.2.1.0 2.2p.2.1.0 1.2x.2.1.0 1.33.2.1.0 1.39.a.1.0
  2.2p.2.1.0 1.dd.3.2 2.2v.2.1.0 1.2z.2.1.0 1.33.4.1.0 1.dr 2.2y 1.dv.2.1.0 2.2v.2.1.0 1.b9 1.cf 1.32.2.1.0 1.2p.2.1.0
  1.e5.2.2 2.2p.4.1.0 1.2t.4.1.0 1.2x.4.1.0 1.33.4.1.0 1.36.4.1.0 1.39.4.1.0 1.37.2.1.0 1.38.2.1.0 1.f1 2.2w.2.1.0 1.bi
  2.f7.2.2 2.2p.2.1.0 1.2t.2.1.0 1.33.8.1.0 1.3d.2.1.0 7.8rp 1.fw 2.be 1.8rq 3.g2 2.ao 1.i1 1.i4 1.g7.5.2 4y.0.5.1.0
  2.0.7.1.0 3.0.2.2.0 a.0 8.0.6.1.0 5.0.2.1.0 2.0.2.1.0 1r.oh.2.2 4.on g.q4 2.q5.3 2.r0 2.r1.2 2.q9.h 2.qr.9 n.qr d.rb
  1.qa 1.qg 4.qu 1.qo 2.rd.c.2 2.qi 1.qp 3.qg 1.qd 2.s8 2.s2 1.sb 3.or.3 1.uo.g 1.ts.w 1d.v5.h.2 a.wb.r.2 2.y7 1.xu.7.2
  3.y9.18.2 b.129.12 28a.8w0.12 2.8x3 6.8x9 2lv.2p.2.1.0 1.2q.6.1.0 1.2r.2.1.0 1.2s.a.1.0 1.2t.a.1.0 1.2u.2.1.0
  1.2v.2.1.0 1.2w.a.1.0 1.2x.4.1.0 1.2z.6.1.0 1.30.8.1.0 1.31.6.1.0 1.32.8.1.0 1.33.8.1.0 1.34.4.1.0 1.36.8.1.0
  1.37.a.1.0 1.38.8.1.0 1.39.a.1.0 1.3a.4.1.0 1.3b.a.1.0 1.3c.4.1.0 1.3d.2.1.0 1.3e.6.1.0 1.2w 1.38 1.3b 1.3d 2.37 3.67
  2.2p.o.1.0 1.2t.g.1.0 1.2x.4.1.0 1.33.o.1.0 1.39.e.1.0 1.3d.8.1.0 1.64b.3.2 a.64g.8 9.64w.6 b.65c.8 9.65s.8 9.668.6
  c.66p.4.2 9.674.8 p.680.8 9.68g.8 9.68w.8 9.69c.2 1.67k.2 1.69f 2.qh a.67m.4 1.69v c.6a8.2 1.67q.2 d.6ao.2 1.67u.2
  1.6at c.67s.2 1.67w.2 1.6b7 8a.qx 4.2z 1.2p 7.6ku 1a.6ls.g k.6mc 22l.8q8.1b 1e.8rl 2.h7 1.5tp 1.hp 3.8rs.3.2 2.gh 1.hd
  1.gg 1.gi 2.8s3 3.8s6 9.fz.2 1.8sh.1e.2 9.8vg.2.2 5.8vn nym.wu9.n.2 k.ww1.c.2 3w.x0j.7.2 4.x0z.v.2 b.x2y.2.2 2.5tl
  1.x33.5.2 5.x3g 2.h1 3.x3l.2.2 e.x41.5.2 2.h2 h9z.1ef5.q xy.1fe0.14`;
