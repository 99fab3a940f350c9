// The chosen colour scheme, or the system's. A classic script in the head, so that the page is never
// painted in the wrong one.
'use strict';

(() => {
  const root = document.documentElement;
  const prefersDark = matchMedia('(prefers-color-scheme: dark)');
  const dark = () => (root.dataset.theme ?? (prefersDark.matches ? 'dark' : 'light')) === 'dark';

  const stored = localStorage.getItem('theme');
  if (stored === 'dark' || stored === 'light') root.dataset.theme = stored;

  addEventListener('DOMContentLoaded', () => {
    for (const button of document.querySelectorAll('[data-theme-toggle]')) {
      const name = () => { button.textContent = dark() ? 'Light theme' : 'Dark theme'; };
      button.addEventListener('click', () => {
        root.dataset.theme = dark() ? 'light' : 'dark';
        localStorage.setItem('theme', root.dataset.theme);
        name();
      });
      prefersDark.addEventListener('change', name);
      name();
    }
  });
})();
