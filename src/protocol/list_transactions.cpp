#include "tidelog/protocol/list_transactions.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_transactions_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_transactions_response);
