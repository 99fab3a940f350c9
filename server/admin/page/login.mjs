// Trades the token for a session cookie, which no script can read.
import {askJson} from './page.mjs';

const form = document.getElementById('login');
const problem = document.getElementById('problem');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  problem.textContent = '';
  const token = document.getElementById('token');
  try {
    await askJson('/api/session', {method: 'POST', body: token.value});
    location.reload();
  } catch (error) {
    problem.textContent = error.message;
    token.focus();
    token.select();
  }
});
