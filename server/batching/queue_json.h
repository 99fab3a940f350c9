// How a queue is set, as people and programs read it: on the status page and in the files of
// `siskin simulate`, which reads it back.
#ifndef SISKIN_SERVER_BATCHING_QUEUE_JSON_H_
#define SISKIN_SERVER_BATCHING_QUEUE_JSON_H_

#include "nlohmann/json_fwd.hpp"
#include "server/batching/scheduler.h"

namespace siskin::batching {

// An object; what does not apply is left out. Not the costs, which change.
nlohmann::ordered_json ToJson(const QueueOptions& queue);

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_QUEUE_JSON_H_
