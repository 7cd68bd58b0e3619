'use strict';
(() => {
  const field = document.getElementById('search');
  const found = document.getElementById('found');
  const none = document.getElementById('none');
  const index = document.getElementById('index');
  const narrow = matchMedia('(max-width: 60rem)');
  const articles = [...document.querySelectorAll('main article')];
  let texts = null;
  const links = new Map([...document.querySelectorAll('#index li a')].map((link) => [link.hash.slice(1), link.parentElement]));
  const wholes = [...document.querySelectorAll('main > section, main .group, #index section, #index h3, #index ul')];

  field.parentElement.hidden = false;
  if (narrow.matches) index.open = false;

  function search() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    texts ??= articles.map((article) => article.textContent.toLowerCase());
    let count = 0;
    articles.forEach((article, n) => {
      const is = words.every((word) => texts[n].includes(word));
      article.hidden = !is;
      const link = links.get(article.id);
      if (link) link.hidden = !is;
      if (is) count += 1;
    });
    for (const whole of wholes) {
      const parts = whole.tagName === 'H3' ? whole.nextElementSibling : whole;
      whole.hidden = words.length > 0 && !parts.querySelector('article:not([hidden]), li:not([hidden]) > a');
    }
    for (const id of ['flow', 'questions']) {
      const section = document.getElementById(id);
      if (section) section.hidden = words.length > 0;
    }
    none.hidden = count > 0 || words.length === 0;
    found.textContent = words.length ? `${count} found` : '';
    if (words.length && narrow.matches) index.open = true;
  }

  function clear() {
    if (field.value) {
      field.value = '';
      search();
    }
  }

  let waits = 0;
  field.addEventListener('input', () => {
    clearTimeout(waits);
    waits = setTimeout(search, articles.length > 150 ? 120 : 0);
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      clear();
      field.blur();
    } else if (event.key === 'Enter') {
      search();
      const first = articles.find((article) => !article.hidden);
      if (first) location.hash = first.id;
    }
  });
  addEventListener('keydown', (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
  // A link may lead to what the search has hidden.
  function show() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest('[hidden]')) {
      clear();
      target.scrollIntoView();
    }
  }
  addEventListener('hashchange', show);
  index.addEventListener('click', (event) => {
    if (narrow.matches && event.target.closest('a')) index.open = false;
  });

  for (const drawing of document.querySelectorAll('.drawing svg')) {
    const edges = [...drawing.querySelectorAll('path')];
    const nodes = [...drawing.querySelectorAll('[data-n]')];
    const mark = (of) => {
      const near = new Set([of]);
      for (const edge of edges) {
        const is = of !== null && (edge.dataset.a === of || edge.dataset.b === of);
        edge.classList.toggle('on', is);
        if (is) near.add(edge.dataset.a).add(edge.dataset.b);
      }
      for (const node of nodes) node.classList.toggle('on', near.has(node.dataset.n));
      drawing.classList.toggle('dim', of !== null);
    };
    const at = (event) => {
      const node = event.target.closest('[data-n]');
      return node ? node.dataset.n : null;
    };
    drawing.addEventListener('mouseover', (event) => mark(at(event)));
    drawing.addEventListener('mouseleave', () => mark(null));
    drawing.addEventListener('focusin', (event) => mark(at(event)));
    drawing.addEventListener('focusout', () => mark(null));
  }
})();
