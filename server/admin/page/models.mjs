// What is loaded and why: a card for each model version, from /api/status.
import {element, mebibytes, number} from './page.mjs';

export function showModels(list, models) {
  list.replaceChildren(...models.map((model) => element('li', {class: 'card'},
      element('div', {class: 'title'},
          element('h3', {}, model.name, ' ', element('span', {class: 'muted'}, `version ${model.version}`)),
          element('span', {class: 'badge', 'data-state': model.state}, model.state)),
      ...notices(model), facts(model))));
}

function notices(model) {
  const notices = [];
  if (model.reason !== undefined) notices.push(element('p', {class: 'problem'}, model.reason));
  if (model.random_weights) {
    notices.push(element('p', {class: 'notice'}, 'Random weights: it was never trained, its answers mean nothing.'));
  }
  return notices;
}

function batches({max_batch_size, policy, max_delay_ms, preferred_batch_sizes}) {
  return [
    `up to ${max_batch_size}`,
    policy === 'auto' ? 'as large as pays' : `after ${number(max_delay_ms)} ms`,
    preferred_batch_sizes && `at once from ${preferred_batch_sizes.join(', ')}`,
  ];
}

function queue({queue_capacity, weight, target_delay_ms, priority_levels, in_order}) {
  return [
    `${number(queue_capacity)} images`,
    weight !== 1 && `weight ${number(weight)}`,
    target_delay_ms && `target ${number(target_delay_ms)} ms`,
    priority_levels > 1 && `${priority_levels} priority levels`,
    in_order && 'in order',
  ];
}

function facts(model) {
  if (model.title === undefined) return '';
  const rows = [
    ['Network', [model.title, model.form, model.width !== 1 && `width ${number(model.width)}`]],
    ['Weights', [`${model.key_style} keys`, mebibytes(model.weight_bytes)]],
    ['Input', [`${model.input.width} × ${model.input.height} ${model.input.color_order}`, model.input.resize, model.input.interpolation]],
    ['Answers', model.classes === undefined ? ['faces'] : [`${number(model.classes)} classes`, model.labels ? 'labelled' : 'no labels']],
    ['Batches', batches(model.batching)],
    ['Queue', queue(model.batching)],
    ['Memory', [`${mebibytes(model.arena_bytes)} a lane`]],
  ];
  return element('dl', {}, ...rows.map(([name, parts]) => fact(name, parts.filter(Boolean).join(', '))),
      ...measurements(model).map(([name, text, style]) => fact(name, text, style)));
}

const fact = (name, text, style = '') => element('div', {},
    element('dt', {}, name), element('dd', {class: style}, text));

// [name, text, class] of what changes with the load.
function measurements(model) {
  return [
    ['A batch takes', model.costs.map(({batch_size, ms}) => `${batch_size}: ${number(ms)} ms`).join(', '), 'costs'],
    ['Wait', `${number(model.predicted_wait_ms)} ms, predicted`, 'wait'],
  ];
}

// What of the models is the same under any load.
export const withoutMeasurements = (models) => models.map(({costs, predicted_wait_ms, ...rest}) => rest);

// Sets the measurements in what showModels has drawn of the same models.
export function showMeasurements(list, models) {
  models.forEach((model, i) => {
    if (model.title === undefined) return;
    for (const [, text, style] of measurements(model)) {
      list.children[i].querySelector(`.${style}`).textContent = text;
    }
  });
}

const versions = (models, {name}) => models.filter((model) => model.name === name).length;

// Keeps what is chosen, if it is still there.
export function showChoices(select, models) {
  const chosen = select.value;
  const ready = models.filter((model) => model.state === 'ready');
  select.replaceChildren(...ready.map((model) => element('option',
      {value: new URLSearchParams({model: model.name, version: model.version}).toString()},
      `${model.name}${versions(ready, model) > 1 ? ` version ${model.version}` : ''} (${model.task})`)));
  if ([...select.options].some((option) => option.value === chosen)) select.value = chosen;
}
