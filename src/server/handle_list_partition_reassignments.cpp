#include "handlers.hpp"

#include "tidelog/protocol/list_partition_reassignments.hpp"

namespace tidelog::server {

void handle_list_partition_reassignments(request of,
                                         protocol::list_partition_reassignments_request /*message*/) {
  // One broker has nowhere to move anything to.
  of.answer(protocol::list_partition_reassignments_response());
}

}  // namespace tidelog::server
