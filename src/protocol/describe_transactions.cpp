#include "tidelog/protocol/describe_transactions.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_transactions_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_transactions_response);
