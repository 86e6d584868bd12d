import { describe, expect, test } from 'vitest';
import { docx, office, paragraph, read, relations } from './reading.ts';

const lines = (elements: readonly { kind: string; text: string }[]) =>
  elements.map(({ kind, text }) => `${kind}: ${text}`);

describe('every format', () => {
  test.each([
    ['note.txt', 'One.\r\n\r\nTwo\r\nlines.'],
    ['note.md', '# Head\n\nText\n\n- a\n- b\n\n| A | B |\n|---|---|\n| 1 | 2 |'],
    ['note.html', '<html><h1>Head</h1><p>Text<ul><li>a<li>b</ul></html>'],
    ['note.csv', 'A,B\n1,2\n3,4\n'],
    ['note.json', '{"a":{"b":[1,2]},"c":"d"}'],
    ['note.eml', 'From: a@x.test\nTo: b@x.test\nSubject: S\n\nBody\n'],
  ])('gives offsets that cut each element out of the text: %s', async (name, content) => {
    const { text, elements } = await read(name, content);
    expect(elements.length).toBeGreaterThan(1);
    for (const element of elements) expect(text.slice(element.start, element.end)).toBe(element.text);
  });
});

describe('DOCX', () => {
  test('keeps headings, lists, merged cells, text boxes and footnotes', async () => {
    const cell = (text: string, properties = '') => `<w:tc><w:tcPr>${properties}</w:tcPr>${paragraph(text)}</w:tc>`;
    const body =
      `<w:p><w:pPr><w:pStyle w:val="H"/></w:pPr><w:r><w:t>Rates</w:t></w:r></w:p>` +
      `<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>item</w:t></w:r></w:p>` +
      `<w:tbl><w:tr>${cell('Lane')}${cell('Rate')}</w:tr>` +
      `<w:tr>${cell('A to B', '<w:vMerge w:val="restart"/>')}${cell('100')}</w:tr>` +
      `<w:tr>${cell('', '<w:vMerge/>')}${cell('200')}</w:tr></w:tbl>` +
      `<w:p><w:r><w:t>anchor</w:t><w:pict><w:txbxContent>${paragraph('boxed')}</w:txbxContent></w:pict></w:r></w:p>`;
    const parts = {
      'word/_rels/document.xml.rels': relations(
        '<Relationship Id="1" Type="x/styles" Target="styles.xml"/><Relationship Id="2" Type="x/footnotes" Target="footnotes.xml"/>',
      ),
      'word/styles.xml': '<w:styles><w:style w:styleId="H"><w:name w:val="heading 2"/></w:style></w:styles>',
      'word/footnotes.xml': `<w:footnotes><w:footnote>${paragraph('a note')}</w:footnote></w:footnotes>`,
    };
    const { elements } = await read('rates.docx', docx(body, parts));
    expect(lines(elements)).toEqual([
      'heading: Rates',
      'list_item: item',
      'table_row: Lane: A to B | Rate: 100',
      'table_row: Lane: A to B | Rate: 200',
      'paragraph: anchor',
      'paragraph: boxed',
      'note: a note',
    ]);
    expect(elements[0]?.level).toBe(2);
  });
});

describe('PPTX', () => {
  test('reads grouped shapes, tables and notes under their slide', async () => {
    const words = (text: string) => `<p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody>`;
    const shape = (text: string, type: string) =>
      `<p:sp><p:nvSpPr><p:nvPr>${type && `<p:ph type="${type}"/>`}</p:nvPr></p:nvSpPr>${words(text)}</p:sp>`;
    const row = (a: string, b: string) => `<a:tr><a:tc>${words(a)}</a:tc><a:tc>${words(b)}</a:tc></a:tr>`;
    const slide =
      shape('Title', 'title') +
      `<p:grpSp><p:grpSp>${shape('deep', '')}</p:grpSp></p:grpSp>` +
      `<p:graphicFrame><a:tbl>${row('Unit', 'Miles')}${row('T-1', '90')}</a:tbl></p:graphicFrame>`;
    const tree = (inner: string) => `<p:sld><p:cSld><p:spTree>${inner}</p:spTree></p:cSld></p:sld>`;
    const { elements } = await read(
      'deck.pptx',
      office('ppt/presentation.xml', {
        'ppt/presentation.xml':
          '<p:presentation><p:sldIdLst><p:sldId id="256" r:id="s1"/></p:sldIdLst></p:presentation>',
        'ppt/_rels/presentation.xml.rels': relations('<Relationship Id="s1" Type="x/slide" Target="slides/1.xml"/>'),
        'ppt/slides/1.xml': tree(slide),
        'ppt/slides/_rels/1.xml.rels': relations('<Relationship Id="n" Type="x/notesSlide" Target="../notes/1.xml"/>'),
        'ppt/notes/1.xml': tree(shape('say this', 'body')),
      }),
    );
    expect(lines(elements)).toEqual([
      'heading: Title',
      'paragraph: deep',
      'table_row: Unit: T-1 | Miles: 90',
      'note: say this',
    ]);
    expect(elements.every(({ page }) => page === 1)).toBe(true);
  });
});

describe('XLSX', () => {
  test('reads dates by their format and sets tables apart at empty rows', async () => {
    const { elements } = await read(
      'book.xlsx',
      office('xl/workbook.xml', {
        'xl/workbook.xml': '<workbook><sheets><sheet name="Loads" r:id="s"/></sheets></workbook>',
        'xl/_rels/workbook.xml.rels': relations(
          '<Relationship Id="s" Type="x/worksheet" Target="sheet.xml"/><Relationship Id="t" Type="x/styles" Target="styles.xml"/>' +
            '<Relationship Id="u" Type="x/sharedStrings" Target="strings.xml"/>',
        ),
        'xl/styles.xml': '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        'xl/strings.xml': '<sst><si><t>Load</t></si><si><r><t>Pick</t></r><r><t>up</t></r></si></sst>',
        'xl/sheet.xml':
          '<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>' +
          '<row r="2"><c r="A2" t="inlineStr"><is><t>L-9</t></is></c><c r="B2" s="1"><v>46328</v></c></row>' +
          '<row r="4"><c r="A4"><v>0.30000000000000004</v></c></row></sheetData></worksheet>',
      }),
    );
    expect(lines(elements)).toEqual(['heading: Loads', 'table_row: Load: L-9 | Pickup: 2026-11-02', 'table_row: 0.3']);
    expect(elements.map(({ table }) => table)).toEqual([undefined, 0, 1]);
  });
});

describe('CSV', () => {
  test('keeps both of two columns with one name, and rows that are too long', async () => {
    const { elements } = await read('a.csv', 'Id;Name;Name\nx1;Ann;Bob\nx2;Cy;Di;extra\n');
    expect(elements.map(({ text }) => text)).toEqual([
      'Id: x1 | Name: Ann | Name: Bob',
      'Id: x2 | Name: Cy | Name: Di | extra',
    ]);
  });
});

describe('HTML', () => {
  test('leaves out what a reader does not see', async () => {
    const page =
      '<html><head><title>T</title></head><body><script>x()</script><p hidden>no</p><p>yes</p></body></html>';
    const { text, metadata } = await read('a.html', page);
    expect(text).toBe('yes');
    expect(metadata).toEqual({ title: 'T' });
  });

  test('is read in linear time however large it is', async () => {
    const begunAt = performance.now();
    await read('a.html', `<html><body>${'<p>words and <b>more</b> words</p>'.repeat(40_000)}</body></html>`);
    expect(performance.now() - begunAt).toBeLessThan(10_000);
  });
});

describe('EML', () => {
  test('prefers the plain body, lists the fields and hands attachments on by digest', async () => {
    const mail = [
      'From: Ann <ann@x.test>',
      'To: bob@x.test',
      'Subject: =?utf-8?Q?Caf=C3=A9?=',
      'Date: Tue, 01 Oct 2024 12:34:56 -0500',
      'Message-ID: <1@x.test>',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: multipart/alternative; boundary=c',
      '',
      '--c',
      'Content-Type: text/plain',
      '',
      'Plain body',
      '--c',
      'Content-Type: text/html',
      '',
      '<p>Rich body</p>',
      '--c--',
      '--b',
      'Content-Type: text/csv; name="../a.csv"',
      'Content-Disposition: attachment; filename="../a.csv"',
      '',
      'abc',
      '--b--',
      '',
    ].join('\r\n');
    const { elements, attachments, metadata } = await read('a.eml', mail);
    expect(lines(elements)).toEqual([
      'mail_header: From: Ann <ann@x.test>',
      'mail_header: To: bob@x.test',
      'mail_header: Subject: Café',
      'mail_header: Date: 2024-10-01T17:34:56.000Z',
      'paragraph: Plain body',
    ]);
    expect(metadata).toMatchObject({ message_id: '<1@x.test>' });
    expect(attachments).toMatchObject([{ name: '../a.csv', mediaType: 'text/csv' }]);
    expect(attachments[0]?.digest).toMatch(/^[0-9a-f]{64}$/u);
  });
});
